"""`dhishoom incidents`, `detections` and `review`: what the store holds, and what people say of it."""

from __future__ import annotations

import difflib
import getpass
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from dhishoom.cli import output
from dhishoom.core.geometry import geographic_place, local_place
from dhishoom.core.timestamps import from_rfc3339, to_rfc3339
from dhishoom.errors import NounError, UsageError
from dhishoom.messages import detection_to_json, incident_to_json
from dhishoom.nouns import NS_PER_S, Detection, Incident, Position, Review, Verdict
from dhishoom.settings import FILE_NAME, StoreSettings, read_settings
from dhishoom.wiring import DATABASE, open_kept_store

if TYPE_CHECKING:
    from dhishoom.messages import Json, Place
    from dhishoom.stores.sql import SqlStore

NOTE_CHARACTERS_MAX = 2000
REVIEWER_CHARACTERS_MAX = 80
RECENT = 1000
"""Incidents and detections among which the nearest id is looked for."""
_AGO = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Config = Annotated[Path, typer.Option(help="The settings that name the store.")]
StorePath = Annotated[
    Path | None, typer.Option("--store", help="A store's folder or dhishoom.db, instead of the settings'.")
]
Since = Annotated[str | None, typer.Option(help="Only from this time on: 2026-01-31T20:00:00Z, 2026-01-31, 24h, 7d.")]
Until = Annotated[str | None, typer.Option(help="Only before this time, written alike.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def incidents(
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    as_json: AsJson = False,
    store: StorePath = None,
    config: Config = Path(FILE_NAME),
) -> None:
    """Incidents in the store, newest first, each in its last revision."""
    since_ns, until_ns = _window(since, until)
    with opened(store, config) as kept:
        place = _place_of(kept)
        found = kept.incidents(since_ns=since_ns, until_ns=until_ns, limit=limit)
        if as_json:
            _print_lines([incident_to_json(incident, place) for incident in found])
            return
        verdicts = {review.subject_id: review.verdict for review in kept.reviews()}
    _show("incidents", INCIDENT_COLUMNS, [_incident_row(one, place, verdicts.get(one.incident_id)) for one in found])


def detections(
    since: Since = None,
    until: Until = None,
    sensor: Annotated[str | None, typer.Option(help="Only of this sensor.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="Only what was taken for this; again for more.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    as_json: AsJson = False,
    store: StorePath = None,
    config: Config = Path(FILE_NAME),
) -> None:
    """Detections in the store, newest first: gunshots, and what was rejected and as what."""
    since_ns, until_ns = _window(since, until)
    with opened(store, config) as kept:
        found = kept.detections(
            since_ns=since_ns, until_ns=until_ns, sensor_id=sensor, labels=label or None, limit=limit
        )
    if as_json:
        _print_lines([detection_to_json(detection) for detection in found])
    else:
        _show("detections", DETECTION_COLUMNS, [_detection_row(detection) for detection in found])


def review(
    subject: Annotated[str, typer.Argument(metavar="ID", help="Of an incident or a detection.")],
    verdict: Annotated[str, typer.Argument(metavar="VERDICT", help="confirmed, dismissed or unsure.")],
    note: Annotated[str, typer.Option(help="Why, or what was found.")] = "",
    reviewer: Annotated[str | None, typer.Option(help="Who says so; else the user of this computer.")] = None,
    as_json: AsJson = False,
    store: StorePath = None,
    config: Config = Path(FILE_NAME),
) -> None:
    """Say of an incident or a detection whether it was gunfire.

    Nothing is overwritten: the latest verdict counts and all are kept, so a later review takes an earlier one back.
    The sound of confirmed incidents is never removed.
    """
    with opened(store, config) as kept:
        _require_known(kept, subject)
        before = kept.reviews(subject)
        said = Review(
            subject_id=subject,
            verdict=_verdict(verdict),
            reviewer=short_text(user_name() if reviewer is None else reviewer, "--reviewer", REVIEWER_CHARACTERS_MAX),
            time_ns=time.time_ns(),
            note=short_text(note, "--note", NOTE_CHARACTERS_MAX),
        )
        kept.put_review(said)
    if as_json:
        output.print_json(_review_to_json(said))
        return
    earlier = before[-1].verdict if before else "unsure"
    was = f", was {before[-1].verdict}" if before else ""
    output.say(f"{subject} is {said.verdict}{was}. To take it back: dhishoom review {subject} {earlier}")


@contextmanager
def opened(store: Path | None, config: Path) -> Iterator[SqlStore]:
    """The store that is asked for; closed at the end."""
    if store is not None:
        settings, base = StoreSettings(folder=str(store.parent if store.name == DATABASE else store)), Path()
    elif config == Path(FILE_NAME) and not config.exists():
        settings, base = StoreSettings(), Path()
    else:
        settings, base = read_settings(config).store, config.parent
    kept = open_kept_store(settings, base)
    try:
        yield kept
    finally:
        kept.close()


def _place_of(kept: SqlStore) -> Place:
    origin = kept.origin()
    return geographic_place(origin) if origin else local_place


def _window(since: str | None, until: str | None) -> tuple[int, int | None]:
    now_ns = time.time_ns()
    since_ns = 0 if since is None else _moment(since, "--since", now_ns)
    until_ns = None if until is None else _moment(until, "--until", now_ns)
    if until_ns is not None and until_ns <= since_ns:
        raise UsageError(f"--until {until} is not after --since {since}; exchange them.")
    return since_ns, until_ns


def _moment(text: str, option: str, now_ns: int) -> int:
    """A time, a day, or so long ago."""
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return now_ns - round(float(ago[1]) * _SECONDS[ago[2]] * NS_PER_S)
    try:
        return from_rfc3339(f"{text.strip()}T00:00:00Z" if len(text.strip()) == len("2026-01-31") else text)
    except NounError as error:
        raise UsageError(
            f"{option} {text!r} is no time. Write it like 2026-01-31T20:00:00Z, 2026-01-31 (UTC), or 24h, 7d (ago)."
        ) from error


def _print_lines(messages: Sequence[Json]) -> None:
    for message in messages:
        output.print_json(message)


def _show(what: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if rows:
        table = output.table("", columns, rows, right=("± m", "rounds", "by", "score", "SNR (dB)"))
        table.columns[columns.index("id")].no_wrap = True  # it is copied
        output.print_result(table)
    else:
        output.say(f"No {what} are kept there for that time.")


INCIDENT_COLUMNS = ("time", "id", "where", "± m", "rounds", "by", "score", "review")
DETECTION_COLUMNS = ("time", "id", "sensor", "label", "score", "SNR (dB)", "model", "clip")


def _incident_row(incident: Incident, place: Place, verdict: Verdict | None) -> list[str]:
    ellipse = incident.ellipse
    return [
        _time(incident.time_ns),
        incident.incident_id,
        _where(incident.position, place) or f"{incident.status}: {incident.reason}".rstrip(": "),
        f"{ellipse.semi_major_m:.0f} × {ellipse.semi_minor_m:.0f}" if ellipse else "",
        _rounds(incident),
        str(len(incident.sensor_ids)),
        f"{incident.score:.2f}",
        verdict or "",
    ]


def _where(position: Position | None, place: Place) -> str:
    if position is None:
        return ""
    told = place(position)
    return f"{told['lat']:.5f}, {told['lon']:.5f}" if "lat" in told else f"x {told['x']:.1f}, y {told['y']:.1f}"


def _rounds(incident: Incident) -> str:
    """`1`, or `3 (2-4) multiple`."""
    interval = f" ({incident.rounds_low}-{incident.rounds_high})" if incident.rounds_low < incident.rounds_high else ""
    fire = "" if incident.fire == "single" else f" {incident.fire.replace('_', ' ')}"
    return f"{incident.rounds}{interval}{fire}"


def _time(time_ns: int) -> str:
    """To the second, with a space where a narrow terminal may break it; --json has all digits."""
    return f"{to_rfc3339(time_ns)[:19]}Z".replace("T", " ")


def _detection_row(detection: Detection) -> list[str]:
    return [
        _time(detection.onset_ns),
        detection.detection_id,
        detection.sensor_id,
        detection.label,
        f"{detection.score:.2f}",
        f"{detection.snr_db:.0f}",
        detection.model,
        detection.clip or "",
    ]


def _require_known(kept: SqlStore, subject: str) -> None:
    if kept.incident(subject) is not None or kept.detections_by_id([subject]):
        return
    recent = [one.incident_id for one in kept.incidents(limit=RECENT)]
    recent += [one.detection_id for one in kept.detections(limit=RECENT)]
    hint = nearest(subject, recent, "`dhishoom incidents` lists them.")
    raise UsageError(f"there is no incident or detection {subject!r} in this store. {hint}")


def _verdict(text: str) -> Verdict:
    for verdict in get_args(Verdict):
        if text == verdict:
            known: Verdict = verdict
            return known
    hint = nearest(text, get_args(Verdict), f"Say {', '.join(get_args(Verdict))}.")
    raise UsageError(f"{text!r} is no verdict. {hint}")


def nearest(text: str, known: Sequence[str], otherwise: str) -> str:
    """A hint at what was meant."""
    near = difflib.get_close_matches(text, known, n=1)
    return f"Did you mean {near[0]}?" if near else otherwise


def short_text(text: str, option: str, characters_max: int) -> str:
    """What a person wrote, if it is not too long to be kept."""
    if len(text) > characters_max:
        raise UsageError(f"{option} has {len(text)} characters; at most {characters_max} are kept. Shorten it.")
    return text.strip()


def user_name() -> str:
    """Of this computer; empty where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return ""


def _review_to_json(said: Review) -> Json:
    return {
        "type": "review",
        "id": said.subject_id,
        "verdict": said.verdict,
        "reviewer": said.reviewer,
        "time": to_rfc3339(said.time_ns),
        "note": said.note,
    }
