"""From revisions of incidents, and from what people say of them, to letters for the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dhishoom.nouns import NS_PER_S, Alert, Letter, derived_id
from dhishoom.service.alert_text import Wording, alert_link, alert_text
from dhishoom.service.rules import Rule, cooling, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dhishoom.nouns import Incident, Kind, Posted, Verdict
    from dhishoom.service.outbox import Outbox

UPDATE_AFTER_S = 2.0
"""An update waits so long for the next one, so that a burst is not told round by round."""


@dataclass(frozen=True, slots=True)
class _Case:
    """An incident as it stands: what was told of it before, and what people say."""

    incident: Incident
    posted: Sequence[Posted]
    verdict: Verdict | None
    now_ns: int

    def told(self, rule: Rule) -> list[Alert]:
        """What the rule told of it, oldest first, whatever became of it."""
        mine = (one.letter.alert for one in self.posted if one.letter.rule == rule.name)
        return list({alert.alert_id: alert for alert in mine}.values())


class Alerting:
    """Applies every rule to every revision; the same revision twice makes nothing new."""

    def __init__(self, rules: Sequence[Rule], outbox: Outbox, wording: Wording) -> None:
        self._rules, self._outbox, self._wording = rules, outbox, wording

    def letters(self, incident: Incident, *, now_ns: int) -> list[Letter]:
        """What this revision makes known, and to whom; a sink hears of an incident by one rule only, the first."""
        return self._letters(self._rules, self._case(incident, now_ns))

    def answers(self, incident: Incident, *, now_ns: int) -> list[Letter]:
        """What a review makes known: whoever was told of the incident hears that it was dismissed, or was not."""
        case = self._case(incident, now_ns)
        return self._letters([rule for rule in self._rules if case.told(rule)], case)

    def _letters(self, rules: Iterable[Rule], case: _Case) -> list[Letter]:
        alerts = [(rule, alert) for rule in rules if (alert := self._alert(rule, case)) is not None]
        at_once = list(self._at_once(alerts, case))
        return at_once + list(self._escalations(alerts, case, {letter.sink for letter in at_once}))

    def _case(self, incident: Incident, now_ns: int) -> _Case:
        return _Case(incident, self._outbox.letters_of(incident.incident_id), self._verdict(incident), now_ns)

    def _verdict(self, incident: Incident) -> Verdict | None:
        reviews = self._outbox.reviews(incident.incident_id)
        return reviews[-1].verdict if reviews else None

    def _alert(self, rule: Rule, case: _Case) -> Alert | None:
        told = case.told(rule)
        kind = kind_of(rule, case.incident, told, case.verdict)
        if kind is None or (kind == "new" and self._is_cooling(rule, case.incident)):
            return None
        return self._made(rule, case, kind, len(told))

    def _is_cooling(self, rule: Rule, incident: Incident) -> bool:
        reach_ns = round(rule.cooldown_s * NS_PER_S)
        if not reach_ns:
            return False
        near = self._outbox.alerts_between(rule.name, incident.time_ns - reach_ns, incident.time_ns + reach_ns)
        return cooling(rule, incident, near)

    def _made(self, rule: Rule, case: _Case, kind: Kind, told: int) -> Alert:
        """Deciding the same twice makes the same alert."""
        incident = case.incident
        return Alert(
            alert_id=derived_id(rule.name, incident.incident_id, incident.revision, kind, told),
            kind=kind,
            incident=incident,
            text=alert_text(incident, self._wording),
            created_ns=case.now_ns,
            expires_ns=case.now_ns + round(rule.expire_s * NS_PER_S),
            link=alert_link(incident, self._wording),
            meant=self._wording.meant,
        )

    def _at_once(self, alerts: Iterable[tuple[Rule, Alert]], case: _Case) -> Iterator[Letter]:
        owners = {one.letter.sink: one.letter.rule for one in case.posted if not one.letter.escalates}
        for rule, alert in alerts:
            wait_s = UPDATE_AFTER_S if alert.kind == "update" else 0.0
            for sink in rule.sinks:
                if owners.setdefault(sink, rule.name) == rule.name:
                    yield _letter(sink, rule, alert, case.now_ns + round(wait_s * NS_PER_S))

    def _escalations(self, alerts: Iterable[tuple[Rule, Alert]], case: _Case, taken: set[str]) -> Iterator[Letter]:
        """Whether anybody has answered by then is asked when their time has come."""
        told = taken | {one.letter.sink for one in case.posted if not one.letter.escalates}
        for rule, alert in alerts:
            if rule.escalate_after_s is None:
                continue
            first_ns = min((one.created_ns for one in case.told(rule)), default=case.now_ns)
            due_ns = max(case.now_ns, first_ns + round(rule.escalate_after_s * NS_PER_S))
            yield from (
                _letter(sink, rule, alert, due_ns, escalates=True) for sink in rule.escalate_to if sink not in told
            )


def _letter(sink: str, rule: Rule, alert: Alert, due_ns: int, *, escalates: bool = False) -> Letter:
    return Letter(sink=sink, rule=rule.name, alert=alert, due_ns=due_ns, escalates=escalates)
