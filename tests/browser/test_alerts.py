"""Alerts on cards and in details: who was told, what failed, and taking an incident on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from dhishoom.nouns import Incident
from dhishoom.service.alert_messages import alerts_to_json
from tests.browser.conftest import Served
from tests.web.test_alerts import post

Open = Callable[..., Any]

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def tell(served: Served, incident: Incident, **ended: str) -> None:
    """An alert to desk and pager, each in a state, and the live event of it."""
    alert = post(served.city, incident, "new", *ended)
    for sink, state in ended.items():
        if state != "queued":
            why = "410, gone" if state == "dead" else "200 OK"
            served.city.outbox.settle_letter(
                sink,
                alert.alert_id,
                state=state,
                why=why,
                now_ns=alert.created_ns,  # type: ignore[arg-type]
            )
    served.city.live.publish("alerts", alerts_to_json(served.city.outbox, incident.incident_id))


def test_a_card_says_who_was_told_and_somebody_takes_it_on(open_page: Open, served: Served) -> None:
    """Without reloading; the name of whoever does is kept and shown."""
    incident = served.city.shoot()
    page = open_page()
    page.get_by_test_id("incident").wait_for()
    assert page.get_by_test_id("alert").count() == 0

    tell(served, incident, desk="delivered", pager="queued")
    page.get_by_text("Alerting pager").wait_for()
    tell(served, incident, desk="delivered", pager="delivered")
    page.get_by_text("Told desk, pager").wait_for()
    page.get_by_role("button", name="Acknowledge").click()

    page.get_by_text("taken on by somebody").wait_for()
    assert page.get_by_role("button", name="Acknowledge").count() == 0
    assert len(served.city.outbox.acknowledgements([incident.incident_id])) == 1


def test_an_alert_that_failed_stands_out_and_its_reason_is_in_the_details(open_page: Open, served: Served) -> None:
    """Also for whoever opens the page afterwards."""
    tell(served, served.city.shoot(), desk="delivered", pager="dead")
    page = open_page()
    page.get_by_role("alert").filter(has_text="Alert failed: pager").wait_for()

    page.get_by_role("button", name=re.compile("round")).first.click()

    page.get_by_test_id("detail").get_by_text("410, gone").wait_for()
    page.get_by_test_id("detail").get_by_role("heading", name="Alerts").wait_for()
