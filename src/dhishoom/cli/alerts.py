"""`dhishoom alerts`: what was told to whom, what could not be, and taking an incident on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, get_args

import typer

from dhishoom.cli import output
from dhishoom.cli.records import AsJson, Config, StorePath, nearest, opened, short_text, user_name
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.errors import UsageError
from dhishoom.nouns import NS_PER_S, Acknowledgement, LetterState, Posted
from dhishoom.service.alert_messages import acknowledgement_to_json, alert_to_json, grouped
from dhishoom.settings import FILE_NAME

COLUMNS = ("time", "alert", "kind", "incident", "sink", "state", "attempts", "what was said")
WORDS_MAX = 80
RETRIED_S = 3600.0
"""An alert that is queued again is given up after so long."""
BY_CHARACTERS_MAX = 80
alerts = typer.Typer(no_args_is_help=True, help="What was told to whom, and what could not be.")


@alerts.command("list")
def list_alerts(
    state: Annotated[
        str | None, typer.Option(help="Only deliveries that are queued, delivered, expired, dead or withdrawn.")
    ] = None,
    sink: Annotated[str | None, typer.Option(help="Only deliveries to this sink.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many deliveries, the newest.")] = 100,
    as_json: AsJson = False,
    store: StorePath = None,
    config: Config = Path(FILE_NAME),
) -> None:
    """Alerts and their deliveries, newest first; `--state dead` are those that nobody got."""
    wanted = _state(state)
    with opened(store, config) as kept:
        found = kept.letters(state=wanted, sink=sink, limit=limit)
    if as_json:
        for letters in grouped(found):
            output.print_json(alert_to_json(letters))
    elif found:
        output.print_result(output.table("", COLUMNS, [_row(one) for one in found], right=("attempts",)))
    else:
        output.say("No such alerts are kept there.")


@alerts.command("retry")
def retry_alert(
    alert: Annotated[str, typer.Argument(metavar="ALERT", help="Its id, as `dhishoom alerts list` shows it.")],
    store: StorePath = None,
    config: Config = Path(FILE_NAME),
) -> None:
    """Queue again what is dead or expired of an alert; the running service delivers it."""
    now_ns = time.time_ns()
    with opened(store, config) as kept:
        count = kept.retry_letters(alert, now_ns=now_ns, expires_ns=now_ns + round(RETRIED_S * NS_PER_S))
        ended = [one for one in kept.letters(limit=1000) if one.state in ("dead", "expired")] if not count else []
    if not count:
        hint = nearest(alert, [one.letter.alert.alert_id for one in ended], "`dhishoom alerts list` shows them.")
        raise UsageError(f"nothing of an alert {alert!r} is dead or expired. {hint}")
    output.say(f"{_deliveries(count)} of {alert} will be tried again.")


@alerts.command("acknowledge")
def acknowledge(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id.")],
    by: Annotated[str | None, typer.Option(help="Who takes it on; else the user of this computer.")] = None,
    as_json: AsJson = False,
    store: StorePath = None,
    config: Config = Path(FILE_NAME),
) -> None:
    """Take an incident on: alerts that only wait to escalate are not sent."""
    name = short_text(user_name() if by is None else by, "--by", BY_CHARACTERS_MAX)
    with opened(store, config) as kept:
        if kept.incident(incident) is None:
            known = [one.incident_id for one in kept.incidents(limit=1000)]
            hint = nearest(incident, known, "`dhishoom incidents` lists them.")
            raise UsageError(f"there is no incident {incident!r} in this store. {hint}")
        kept.put_acknowledgement(Acknowledgement(incident_id=incident, by=name, time_ns=time.time_ns()))
        said = kept.acknowledgements([incident])[0]
    if as_json:
        output.print_json({"type": "acknowledgement", **acknowledgement_to_json(said)})
    else:
        output.say(f"{incident} is acknowledged by {said.by or 'somebody'} since {to_rfc3339(said.time_ns)}.")


def _state(text: str | None) -> LetterState | None:
    if text is None:
        return None
    for state in get_args(LetterState):
        if text == state:
            known: LetterState = state
            return known
    states: Sequence[str] = get_args(LetterState)
    hint = nearest(text, states, f"There are: {', '.join(states)}.")
    raise UsageError(f"--state {text!r} is none. {hint}")


def _row(posted: Posted) -> list[str]:
    alert = posted.letter.alert
    why = posted.why if len(posted.why) <= WORDS_MAX else f"{posted.why[: WORDS_MAX - 1]}…"
    return [
        to_rfc3339(alert.created_ns),
        alert.alert_id,
        alert.kind,
        alert.incident.incident_id,
        posted.letter.sink,
        posted.state,
        str(posted.attempts),
        why,
    ]


def _deliveries(count: int) -> str:
    return output.counted(count, "delivery", "deliveries")
