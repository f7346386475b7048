"""What every outbox promises: a letter is kept once, comes in its turn, and what became of it is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dhishoom.nouns import NS_PER_S, Acknowledgement, Posted

from .examples import NOON_NS, a_letter, a_review, an_alert, an_incident
from .test_stores import store

LATER_NS = NOON_NS + 10 * NS_PER_S


__all__ = ["store"]


@pytest.fixture
def outbox(store: Any) -> Any:
    """Every store's, empty."""
    return store


def due(outbox: Any, at_ns: int = NOON_NS, sink: str = "radio") -> list[str]:
    """Ids of the letters that are to be tried now."""
    return [one.letter.alert.alert_id for one in outbox.due_letters(sink, now_ns=at_ns, limit=10)]


def first_of(outbox: Any) -> Posted:
    """The letter that is to be tried first."""
    found: Posted = outbox.due_letters("radio", now_ns=LATER_NS, limit=1)[0]
    return found


def test_a_letter_comes_back_as_it_was_put(outbox: Any) -> None:
    """Every field of alert and incident survives; it is queued, never tried."""
    letter = a_letter(escalates=True)

    assert outbox.put_letters([letter]) == 1

    expected = Posted(
        letter=letter,
        state="queued",
        attempts=0,
        expires_ns=letter.alert.expires_ns,
        why="",
        changed_ns=letter.alert.created_ns,
    )
    assert list(outbox.due_letters("radio", now_ns=NOON_NS, limit=10)) == [expected]
    assert list(outbox.letters_of("i1")) == [expected]


def test_the_same_letter_again_changes_nothing(outbox: Any) -> None:
    """Whoever is killed and decides again neither doubles a letter nor revives one that was delivered."""
    outbox.put_letters([a_letter(), a_letter()])
    outbox.settle_letter("radio", "i1.1.new", state="delivered", why="200 OK", now_ns=LATER_NS)

    assert outbox.put_letters([a_letter(), a_letter(sink="chief")]) == 1
    assert due(outbox) == []
    assert due(outbox, sink="chief") == ["i1.1.new"]


def test_an_incident_and_its_letters_are_put_together(outbox: Any) -> None:
    """One write, so that no crash can come between them."""
    outbox.put_incidents([an_incident()], [a_letter()])

    assert outbox.incident("i1") is not None
    assert due(outbox) == ["i1.1.new"]


def test_letters_of_a_sink_come_in_order_once_due(outbox: Any) -> None:
    """First queued, first tried; one whose time has not come holds nobody up."""
    outbox.put_letters([a_letter(due_ns=LATER_NS), a_letter(an_alert(an_incident("i2"))), a_letter(sink="chief")])

    assert due(outbox) == ["i2.1.new"]
    assert due(outbox, LATER_NS) == ["i1.1.new", "i2.1.new"]


def test_an_update_never_overtakes_the_alert_that_must_be_tried_again(outbox: Any) -> None:
    """Within an incident order holds; another incident goes on."""
    update = an_alert(an_incident(revision=2), "update")
    outbox.put_letters([a_letter(), a_letter(update), a_letter(an_alert(an_incident("i2")))])
    assert outbox.attempt_letter(first_of(outbox), due_ns=LATER_NS, now_ns=NOON_NS)
    outbox.postpone_letter("radio", "i1.1.new", due_ns=LATER_NS, why="the line is down")

    assert due(outbox) == ["i2.1.new"]
    assert due(outbox, LATER_NS) == ["i1.1.new", "i1.2.update", "i2.1.new"]
    (first, *_) = outbox.letters_of("i1")
    assert (first.attempts, first.why, first.changed_ns) == (1, "the line is down", NOON_NS)


def test_an_attempt_is_made_by_one(outbox: Any) -> None:
    """Of two processes that saw the same letter, the second finds it taken; whoever dies leaves it due later."""
    outbox.put_letters([a_letter()])
    seen = first_of(outbox)

    taken = [outbox.attempt_letter(seen, due_ns=LATER_NS, now_ns=NOON_NS) for _ in range(2)]

    assert taken == [True, False]
    assert due(outbox) == []
    assert due(outbox, LATER_NS) == ["i1.1.new"]


def test_what_failed_is_tried_at_once_when_the_line_is_back(outbox: Any) -> None:
    """Only what has been tried before: what waits to escalate goes on waiting."""
    outbox.put_letters([a_letter(), a_letter(an_alert(an_incident("i2")), due_ns=LATER_NS)])
    outbox.attempt_letter(first_of(outbox), due_ns=LATER_NS, now_ns=NOON_NS)

    outbox.hasten_letters("radio", now_ns=NOON_NS + 1)

    assert due(outbox, NOON_NS + 1) == ["i1.1.new"]


@pytest.mark.parametrize("state", ["delivered", "expired", "dead", "withdrawn"])
def test_a_settled_letter_is_out_of_the_way_and_stays_as_it_is(outbox: Any, state: Any) -> None:
    """Its end and the reason are kept; nothing later changes them."""
    outbox.put_letters([a_letter()])
    seen = first_of(outbox)
    outbox.settle_letter("radio", "i1.1.new", state=state, why="so it was", now_ns=LATER_NS)
    outbox.settle_letter("radio", "i1.1.new", state="withdrawn", why="too late", now_ns=LATER_NS + 1)
    assert not outbox.attempt_letter(seen, due_ns=LATER_NS, now_ns=LATER_NS)

    (kept,) = outbox.letters(state=state)
    assert (kept.why, kept.changed_ns, kept.attempts) == ("so it was", LATER_NS, 0)
    assert due(outbox, LATER_NS) == []


def test_dead_and_expired_letters_can_be_queued_again(outbox: Any) -> None:
    """With a fresh time limit; what was delivered is not sent twice."""
    for sink, state in (("radio", "dead"), ("chief", "expired"), ("pager", "delivered")):
        outbox.put_letters([a_letter(sink=sink)])
        outbox.settle_letter(sink, "i1.1.new", state=state, why="", now_ns=LATER_NS)

    assert outbox.retry_letters("i1.1.new", now_ns=LATER_NS, expires_ns=LATER_NS + 5) == 2
    assert due(outbox, LATER_NS) == due(outbox, LATER_NS, "chief") == ["i1.1.new"]
    assert due(outbox, LATER_NS, "pager") == []
    assert outbox.letters(sink="radio")[0].expires_ns == LATER_NS + 5
    assert outbox.retry_letters("none", now_ns=LATER_NS, expires_ns=LATER_NS) == 0


def test_letters_are_listed_newest_first(outbox: Any) -> None:
    """By state and by sink, up to a limit."""
    outbox.put_letters([a_letter(an_alert(an_incident(f"i{n}")), sink=("radio", "chief")[n % 2]) for n in range(4)])

    def listed(**which: Any) -> list[str]:
        return [one.letter.alert.incident.incident_id for one in outbox.letters(**which)]

    assert listed() == ["i3", "i2", "i1", "i0"]
    assert listed(sink="chief", limit=1) == ["i3"]
    assert listed(state="dead") == []


def test_what_a_rule_told_is_found_by_the_time_of_its_incidents(outbox: Any) -> None:
    """Each alert once however many sinks it went to; both ends of the stretch belong to it."""
    for number in range(3):
        alert = an_alert(an_incident(f"i{number}", time_ns=NOON_NS + number))
        outbox.put_letters([a_letter(alert), a_letter(alert, sink="chief")])
    outbox.put_letters([replace(a_letter(an_alert(an_incident("x"))), rule="other")])

    told = outbox.alerts_between("all", NOON_NS, NOON_NS + 1)

    assert [alert.incident.incident_id for alert in told] == ["i0", "i1"]


def test_the_first_acknowledgement_of_a_person_is_kept(outbox: Any) -> None:
    """Saying it again does not make it later."""
    early, late = (Acknowledgement(incident_id="i1", by="Desk 2", time_ns=NOON_NS + n) for n in (0, 5))
    chief = Acknowledgement(incident_id="i1", by="Chief", time_ns=NOON_NS - 1)
    for said in (early, late, chief):
        outbox.put_acknowledgement(said)

    assert list(outbox.acknowledgements(["i1", "i2"])) == [chief, early]
    assert list(outbox.acknowledgements([])) == []


def test_reviews_since_a_time_are_found_whoever_wrote_them(outbox: Any) -> None:
    """The time itself included, oldest first."""
    for number in (2, 0, 1):
        outbox.put_review(a_review(f"i{number}", time_ns=NOON_NS + number))

    assert [one.subject_id for one in outbox.reviews_since(NOON_NS + 1)] == ["i1", "i2"]
