"""From revisions of incidents and from reviews to alerts in the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dhishoom.nouns import NS_PER_S
from dhishoom.service.alert_text import Gazetteer, alert_text
from dhishoom.service.rules import Rule, cooling, kind_of, make_alert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dhishoom.messages import Place
    from dhishoom.nouns import Alert, Incident, Verdict
    from dhishoom.service.outbox import Outbox

MEMORY_NS = 24 * 3600 * NS_PER_S


class Alerting:
    """Applies every rule to every revision and puts what follows into the outbox.

    Args:
        link_base: Address of the page, to which the incident's part is added; empty for no link.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        outbox: Outbox,
        place: Place,
        *,
        link_base: str = "",
        gazetteer: Gazetteer | None = None,
    ) -> None:
        self._rules, self._outbox, self._place = rules, outbox, place
        self._link_base, self._gazetteer = link_base, gazetteer

    def tell(self, incident: Incident, *, verdict: Verdict | None, now_ns: int) -> list[Alert]:
        """What this revision, or what a person said of it, makes known; the same call twice adds nothing."""
        alerts = [self._apply(rule, incident, verdict, now_ns) for rule in self._rules]
        return [alert for alert in alerts if alert is not None]

    def _apply(self, rule: Rule, incident: Incident, verdict: Verdict | None, now_ns: int) -> Alert | None:
        told = self._outbox.alerts_told(rule.name, since_ns=now_ns - MEMORY_NS)
        mine = [alert for alert in told if alert.incident.incident_id == incident.incident_id]
        kind = kind_of(rule, incident, mine, verdict)
        if kind is None or (kind == "new" and cooling(rule, incident, told)):
            return None
        alert = make_alert(rule, incident, kind, text=self._text(incident), link=self._link(incident), now_ns=now_ns)
        for sink_name in rule.sinks:
            self._outbox.queue_alert(sink_name, rule.name, alert, due_ns=now_ns)
        if rule.escalate_after_s is not None and verdict is None:
            due_ns = now_ns + round(rule.escalate_after_s * NS_PER_S)
            for sink_name in rule.escalate_to:
                self._outbox.queue_alert(sink_name, rule.name, alert, due_ns=due_ns)
        return alert

    def acknowledge(self, incident: Incident, *, now_ns: int) -> None:
        """Somebody has seen it: alerts that only wait to escalate are withdrawn."""
        for rule in self._rules:
            for alert in self._outbox.alerts_told(rule.name, since_ns=now_ns - MEMORY_NS):
                if alert.incident.incident_id == incident.incident_id:
                    for sink_name in set(rule.escalate_to) - set(rule.sinks):
                        self._outbox.settle_alert(
                            sink_name, alert.alert_id, state="withdrawn", why="acknowledged", now_ns=now_ns
                        )

    def _text(self, incident: Incident) -> str:
        return alert_text(incident, self._place, self._gazetteer)

    def _link(self, incident: Incident) -> str:
        return f"{self._link_base}/#/incidents/{incident.incident_id}" if self._link_base else ""
