"""Alerts in the running service: what the pipeline asks, the threads that deliver, and what the page is told."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from dhishoom.core.timestamps import to_rfc3339
from dhishoom.messages import Json
from dhishoom.service.alert_messages import alerts_to_json
from dhishoom.service.couriers import CourierRound, Desk, Line, ReviewDesk
from dhishoom.service.outbox import Courier

if TYPE_CHECKING:
    from dhishoom.nouns import Incident, Letter
    from dhishoom.service.alerting import Alerting

log = logging.getLogger("dhishoom")

Publish = Callable[[str, Json], object]


class Worker(Protocol):
    """Work that goes on in a thread of its own until it is stopped."""

    @property
    def name(self) -> str:
        """For messages."""

    def run(self) -> None:
        """Work until `stop`. Begun again where it fails."""

    def stop(self) -> None:
        """End `run` soon; from any thread."""


class AlertOffice:
    """Decides alerts while incidents are stored, and has a courier for each sink.

    Args:
        lines: The sinks by name.
        publish: Where live events go: `alerts` of an incident, and `notice` of what failed.
    """

    def __init__(self, alerting: Alerting, desk: Desk, lines: Mapping[str, Line], publish: Publish) -> None:
        self._alerting, self._desk, self._publish = alerting, desk, publish
        self._rounds = [self._round(name, line) for name, line in lines.items()]
        self._reviews = ReviewDesk(alerting, desk, self._wake, self._say)

    @property
    def workers(self) -> Sequence[Worker]:
        """One a sink, and one for what people say."""
        return [*self._rounds, self._reviews]

    def letters(self, incident: Incident) -> Sequence[Letter]:
        """What a revision makes known, to be kept with it."""
        return self._alerting.letters(incident, now_ns=time.time_ns())

    def posted(self, letters: Sequence[Letter]) -> None:
        """These are kept now: deliver them."""
        if letters:
            self._wake()
            self._moved(letters[0].alert.incident.incident_id)

    def _round(self, name: str, line: Line) -> CourierRound:
        courier = Courier(name, line.sink, self._desk, self._say, moved=self._moved, lease_s=line.lease_s)
        return CourierRound(name, line.sink, courier, self._say, line.heart)

    def _wake(self) -> None:
        for one in self._rounds:
            one.wake()

    def _moved(self, incident_id: str) -> None:
        self._publish("alerts", alerts_to_json(self._desk, incident_id))

    def _say(self, sentence: str) -> None:
        log.warning(sentence)
        notice = {"sensor_id": None, "time": to_rfc3339(time.time_ns()), "kind": "alert", "detail": sentence}
        self._publish("notice", notice)
