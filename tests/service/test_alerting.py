"""Alerts from decision to delivery, with sinks that fail in each of their ways and a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dhishoom.errors import SinkError
from dhishoom.messages import local_place
from dhishoom.nouns import NS_PER_S, Acknowledgement, Alert, Incident, Position, Review
from dhishoom.service.alert_text import Wording
from dhishoom.service.alerting import UPDATE_AFTER_S, Alerting
from dhishoom.service.couriers import ReviewDesk
from dhishoom.service.outbox import LEASE_S, Courier, backoff_s
from dhishoom.service.rules import Rule
from dhishoom.stores.memory import MemoryStore

from .test_rules import NOON_NS, incident

RULE = Rule(name="all", sinks=("radio",))
LATER = SinkError("the line is down", retry=True)
NEVER = SinkError("the number is unknown", retry=False)
GONE = SinkError("the number was given up", gone=True)


class Scripted:
    """A sink that answers each delivery with the next of its script, then takes everything."""

    def __init__(self, *script: SinkError | None) -> None:
        self.script = list(script)
        self.taken: list[str] = []
        self.tried = 0
        self.before: Callable[[], object] = lambda: None

    def deliver(self, alert: Alert) -> str:
        self.before()
        self.tried += 1
        failure = self.script.pop(0) if self.script else None
        if failure:
            raise failure
        self.taken.append(f"{alert.kind} {alert.incident.rounds}")
        return "heard"

    def close(self) -> None:
        """Nothing to free."""


class Town:
    """Rules, a store, sinks and a clock."""

    def __init__(self, *rules: Rule, **sinks: Scripted) -> None:
        self.store, self.now_ns, self.log = MemoryStore(), NOON_NS, list[str]()
        self.alerting = Alerting(rules, self.store, Wording(place=local_place))
        self.desk = ReviewDesk(self.alerting, self.store, lambda: None, self.log.append)
        self.sinks = sinks
        self.begin()

    def begin(self) -> None:
        """Couriers that remember nothing, as after a restart."""
        self.couriers = [
            Courier(name, sink, self.store, self.log.append, jitter=lambda: 1.0) for name, sink in self.sinks.items()
        ]

    def hear(self, *revisions: Incident) -> None:
        """Incidents are stored with what they make known."""
        for one in revisions:
            self.store.put_incidents([one], self.alerting.letters(one, now_ns=self.now_ns))

    def say(self, verdict: Any, incident_id: str = "1f") -> None:
        """A person's review."""
        review = Review(subject_id=incident_id, verdict=verdict, reviewer="Desk 2", time_ns=self.now_ns)
        self.store.put_review(review)
        self.desk.look(self.now_ns)

    def acknowledge(self) -> None:
        """A person takes it on."""
        self.store.put_acknowledgement(Acknowledgement(incident_id="1f", by="Desk 2", time_ns=self.now_ns))

    def at(self, *seconds: float) -> None:
        """Let every courier work at these seconds after noon."""
        for second in seconds:
            self.now_ns = NOON_NS + round(second * NS_PER_S)
            for courier in self.couriers:
                courier.deliver_due(self.now_ns)

    def states(self) -> list[tuple[str, str, str]]:
        """Sink, state and why of every letter, in the order of queueing."""
        return [(one.letter.sink, one.state, one.why) for one in reversed(self.store.letters())]


BURST = incident(revision=2, rounds=3)


def test_an_incident_is_told_once_updated_and_cancelled() -> None:
    """A dispatcher reads the shot, then the burst it became, then that it was none."""
    town = Town(RULE, radio=Scripted())
    town.hear(incident(), incident())
    town.at(0)
    town.hear(BURST)
    town.at(UPDATE_AFTER_S)
    town.say("dismissed")
    town.at(5, 6)
    assert town.sinks["radio"].taken == ["new 1", "update 3", "cancel 3"]
    assert [state for _, state, _ in town.states()] == ["delivered"] * 3


def test_a_burst_is_not_told_round_by_round() -> None:
    """An update waits a moment for the next, which then speaks for both."""
    town = Town(RULE, radio=Scripted())
    town.hear(*(incident(revision=number, rounds=number) for number in range(1, 6)))
    town.at(0, UPDATE_AFTER_S)
    assert town.sinks["radio"].taken == ["new 1", "update 5"]
    assert town.states()[1] == ("radio", "withdrawn", "overtaken by revision 5")


def test_a_failing_line_is_tried_again_in_order() -> None:
    """An update never overtakes the alert it updates, and nothing is sent twice."""
    town = Town(RULE, radio=Scripted(LATER, LATER))
    town.hear(incident(), BURST)
    town.at(*range(10))
    assert town.sinks["radio"].taken == ["new 1", "update 3"]
    assert town.sinks["radio"].tried == 4
    assert [words in line for words, line in zip(["down", "down", "again"], town.log, strict=True)] == [True] * 3


def test_what_waits_is_sent_at_once_when_the_line_is_back() -> None:
    """Nobody waits out a long backoff beside an open line."""
    town = Town(RULE, radio=Scripted(*[LATER] * 7))
    town.hear(incident())
    town.at(*range(0, 100, 1))
    town.hear(incident(incident_id="2f", rounds=2))
    town.at(100, 100.1)
    assert town.sinks["radio"].taken == ["new 2", "new 1"]


def test_one_sink_that_fails_holds_up_no_other() -> None:
    """Each sink has its own courier and its own rows."""
    town = Town(replace(RULE, sinks=("radio", "page")), radio=Scripted(*[LATER] * 50), page=Scripted())
    town.hear(incident())
    town.at(0)
    assert (town.sinks["radio"].taken, town.sinks["page"].taken) == ([], ["new 1"])


def test_an_alert_that_is_too_old_is_given_up_aloud() -> None:
    """Nobody is sent to a place where something happened an hour ago; the log says so, and why it came to that."""
    town = Town(replace(RULE, expire_s=60.0), radio=Scripted(*[LATER] * 100))
    town.hear(incident())
    town.at(*range(0, 130, 5))
    assert town.sinks["radio"].taken == []
    ((_, state, why),) = town.states()
    assert state == "expired"
    assert "the line is down" in why
    assert "expired" in town.log[-1]


def test_a_refusal_for_good_becomes_a_dead_letter() -> None:
    """It stays visible with its reason, and the next alert goes on."""
    town = Town(RULE, radio=Scripted(NEVER))
    town.hear(incident(), incident(incident_id="2f", rounds=2))
    town.at(0)
    assert town.sinks["radio"].taken == ["new 2"]
    assert [(state, why) for _, state, why in town.states()] == [
        ("dead", "the number is unknown"),
        ("delivered", "heard"),
    ]


def test_a_sink_that_is_gone_is_asked_no_more() -> None:
    """Every further letter is dead at once, with the reason; after a restart it is tried again."""
    town = Town(RULE, radio=Scripted(GONE))
    town.hear(incident(), incident(incident_id="2f"))
    town.at(0, 1)
    assert town.sinks["radio"].tried == 1
    assert [(state, why) for _, state, why in town.states()] == [("dead", "the number was given up")] * 2

    town.begin()
    town.hear(incident(incident_id="3f", rounds=3))
    town.at(2)
    assert town.sinks["radio"].taken == ["new 3"]


def test_whoever_dies_while_delivering_delivers_again() -> None:
    """The attempt is counted before it is made: nothing is lost, and a letter that kills is not tried without end."""

    class Death(BaseException):
        """No handler sees it."""

    radio = Scripted()
    town = Town(RULE, radio=radio)
    town.hear(incident())

    def die() -> None:
        raise Death

    radio.before = die
    with pytest.raises(Death):
        town.at(0)
    (posted,) = town.store.letters()
    assert (posted.state, posted.attempts) == ("queued", 1)

    radio.before = lambda: None
    town.begin()
    town.at(LEASE_S - 1)
    assert radio.taken == []
    town.at(LEASE_S)
    assert radio.taken == ["new 1"]


ESCALATING = replace(RULE, escalate_after_s=120.0, escalate_to=("chief",))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda town: None, ["new 1"]),
        (lambda town: town.acknowledge(), []),
        (lambda town: town.say("confirmed"), []),
        (lambda town: town.say("unsure"), []),
        (lambda town: town.say("dismissed"), []),
    ],
)
def test_an_alert_nobody_answers_goes_to_the_next(answer: Callable[[Town], object], expected: list[str]) -> None:
    """Escalation waits its time, and does not happen once somebody has seen the incident."""
    town = Town(ESCALATING, radio=Scripted(), chief=Scripted())
    town.hear(incident())
    town.at(60)
    answer(town)
    town.at(119, 121, 122)
    assert town.sinks["chief"].taken == expected
    assert town.sinks["radio"].taken[0] == "new 1"


def test_whoever_was_told_late_hears_all_that_follows() -> None:
    """An update before the escalation waits with it; afterwards updates and the end come at once."""
    town = Town(ESCALATING, radio=Scripted(), chief=Scripted())
    town.hear(incident(), BURST)
    town.at(60)
    assert town.sinks["chief"].taken == []
    town.at(120)
    assert town.sinks["chief"].taken == ["new 1", "update 3"]
    town.acknowledge()
    town.hear(incident(revision=3, rounds=9))
    town.at(130)
    town.say("dismissed")
    town.at(131)
    assert town.sinks["chief"].taken == ["new 1", "update 3", "update 9", "cancel 9"]


def test_nobody_hears_the_end_of_what_they_were_never_told() -> None:
    """Dismissed while the line was down and the chief not yet told: neither gets anything."""
    town = Town(ESCALATING, radio=Scripted(), chief=Scripted())
    town.hear(incident())
    town.say("dismissed")
    town.at(0, 200)
    assert (town.sinks["radio"].taken, town.sinks["chief"].taken) == ([], [])
    assert {state for _, state, _ in town.states()} == {"withdrawn"}


def test_a_dismissal_that_was_a_slip_is_told_again() -> None:
    """Cancelled, then taken back: an update says that it stands."""
    town = Town(RULE, radio=Scripted())
    town.hear(incident())
    town.at(0)
    town.say("dismissed")
    town.at(1)
    town.say("unsure")
    town.at(2, 4)
    assert town.sinks["radio"].taken == ["new 1", "cancel 1", "update 1"]


def test_a_review_of_what_was_never_told_tells_nobody() -> None:
    """Confirming what lay below every threshold, or before there were rules, starts no alarm."""
    town = Town(RULE, radio=Scripted())
    town.store.put_incidents([incident()])
    town.say("confirmed")
    town.at(1)
    assert town.states() == []


def test_a_dismissed_incident_is_not_told_by_a_later_revision() -> None:
    """A person has decided, though it was too weak to be told before."""
    town = Town(RULE, radio=Scripted())
    town.hear(incident(score=0.2))
    town.say("dismissed")
    town.hear(incident(revision=2))
    assert town.states() == []


def test_two_couriers_of_one_sink_deliver_once() -> None:
    """Processes of one city share the outbox: while one delivers, the other finds nothing to do."""
    radio = Scripted()
    town = Town(RULE, radio=radio)
    other = Courier("radio", Scripted(), town.store, town.log.append)
    radio.before = lambda: other.deliver_due(town.now_ns)
    town.hear(incident(), incident(incident_id="2f", rounds=2))
    town.at(0, 1)
    assert [state for _, state, _ in town.states()] == ["delivered"] * 2
    assert sum(one.attempts for one in town.store.letters()) == 2


def test_a_sink_that_two_rules_name_is_told_once() -> None:
    """By the first rule that holds; the other rule's other sinks are told all the same."""
    town = Town(RULE, Rule(name="loud", sinks=("radio", "page"), score_min=0.9), radio=Scripted(), page=Scripted())
    town.hear(incident())
    town.at(0)
    town.hear(BURST)
    town.at(3)
    assert town.sinks["radio"].taken == town.sinks["page"].taken == ["new 1", "update 3"]


def test_a_second_incident_near_by_is_quiet_for_a_while() -> None:
    """Cooldown looks at what was told, not at what was heard."""
    town = Town(replace(RULE, cooldown_s=60.0), radio=Scripted())
    near = incident(incident_id="2f", time_ns=NOON_NS + 20 * NS_PER_S, rounds=2)
    far = replace(near, incident_id="3f", rounds=3, position=Position(x_m=900.0, y_m=0.0))
    later = replace(near, incident_id="4f", rounds=4, time_ns=NOON_NS + 61 * NS_PER_S)
    town.hear(incident(), near, far, later)
    town.at(0)
    assert town.sinks["radio"].taken == ["new 1", "new 3", "new 4"]


def test_deciding_again_after_a_restart_makes_nothing_new() -> None:
    """The same revisions, told by whoever comes after: every letter is there already."""
    town = Town(ESCALATING, radio=Scripted(), chief=Scripted())
    town.hear(incident(), BURST)
    before = town.states()
    town.now_ns += NS_PER_S
    town.hear(incident(), BURST, incident(), BURST)
    assert town.states() == before


def test_backoff_doubles_up_to_a_minute() -> None:
    """The longest waits are 1, 2, 4 ... 60 s, and never none."""
    assert [backoff_s(attempts, 1.0) for attempts in (0, 1, 2, 40)] == [1.0, 2.0, 4.0, 60.0]
    assert backoff_s(9, 0.0) == 0.5
