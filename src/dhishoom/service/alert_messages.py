"""Alerts as the JSON that others read: in the API, in live events and on standard output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from dhishoom.core.timestamps import to_rfc3339
from dhishoom.messages import Json
from dhishoom.nouns import Acknowledgement, Posted


class Letters(Protocol):
    """The part of a store that this is read from."""

    def letters_of(self, incident_id: str) -> Sequence[Posted]:
        """Every letter about an incident, in the order of their queueing."""

    def acknowledgements(self, incident_ids: Sequence[str]) -> Sequence[Acknowledgement]:
        """Of these incidents, oldest first."""


def alerts_to_json(store: Letters, incident_id: str) -> Json:
    """All alerts of an incident, oldest first, and who has acknowledged it."""
    said = store.acknowledgements([incident_id])
    items = [alert_to_json(alert) for alert in grouped(store.letters_of(incident_id))]
    return {"incident_id": incident_id, "items": items, "acknowledged": [acknowledgement_to_json(one) for one in said]}


def grouped(posted: Iterable[Posted]) -> list[list[Posted]]:
    """The letters of each alert together, in the order they come."""
    found: dict[str, list[Posted]] = {}
    for one in posted:
        found.setdefault(one.letter.alert.alert_id, []).append(one)
    return list(found.values())


def alert_to_json(letters: Sequence[Posted]) -> Json:
    """One alert with its deliveries."""
    letter = letters[0].letter
    alert = letter.alert
    return {
        "type": "alert",
        "id": alert.alert_id,
        "incident_id": alert.incident.incident_id,
        "revision": alert.incident.revision,
        "kind": alert.kind,
        "status": alert.meant,
        "rule": letter.rule,
        "time": to_rfc3339(alert.created_ns),
        "text": alert.text,
        "link": alert.link,
        "deliveries": [_delivery(one) for one in letters],
    }


def _delivery(posted: Posted) -> Json:
    letter = posted.letter
    return {
        "sink": letter.sink,
        "state": posted.state,
        "attempts": posted.attempts,
        "escalation": letter.escalates,
        "due": to_rfc3339(letter.due_ns),
        "expires": to_rfc3339(posted.expires_ns),
        "changed": to_rfc3339(posted.changed_ns),
        "why": posted.why,
    }


def acknowledgement_to_json(said: Acknowledgement) -> Json:
    """Who takes an incident on, since when."""
    return {"incident_id": said.incident_id, "by": said.by, "time": to_rfc3339(said.time_ns)}
