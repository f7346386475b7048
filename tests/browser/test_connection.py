"""What the page does when the server goes away and comes back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Open, Served
from tests.web.fake import FakeLive

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def shown_ids(page: Any) -> list[str]:
    return list(page.eval_on_selector_all("[data-testid=incident]", "cards => cards.map(card => card.dataset.id)"))


def wait_for_lost(page: Any) -> None:
    page.get_by_test_id("connection").filter(has_text="Reconnecting").wait_for()
    page.get_by_text("Not connected").wait_for()


def wait_for_live(page: Any) -> None:
    page.get_by_test_id("connection").filter(has_text="Live").wait_for()
    page.get_by_text("Not connected").wait_for(state="detached")


def test_a_broken_line_is_resumed_without_gap_or_double(open_page: Open, served: Served) -> None:
    """What happened meanwhile appears once; what was there stays once."""
    before = served.city.shoot(age_s=20)
    page = open_page()
    page.get_by_test_id("incident").wait_for()
    served.stop()
    wait_for_lost(page)
    meanwhile = served.city.shoot(-300, 200)
    served.start()
    wait_for_live(page)
    page.wait_for_function("() => document.querySelectorAll('[data-testid=incident]').length === 2")
    assert shown_ids(page) == [meanwhile.incident_id, before.incident_id]
    assert "since=-" not in page.evaluate("() => performance.getEntriesByType('resource').at(-1).name")


def test_a_restarted_service_whose_numbers_begin_again_is_followed(open_page: Open, served: Served) -> None:
    """Numbers of the earlier run mean nothing to the new hub: the page reads the lists and goes on."""
    served.city.shoot(age_s=20)
    page = open_page()
    page.get_by_test_id("incident").wait_for()
    served.stop()
    wait_for_lost(page)
    served.city.live = FakeLive()
    served.city.shoot(-300, 200, age_s=5)
    served.start()
    wait_for_live(page)
    served.city.shoot(400, -200)
    page.wait_for_function("() => document.querySelectorAll('[data-testid=incident]').length === 3")


def test_a_verdict_the_server_cannot_keep_is_taken_back(open_page: Open, served: Served) -> None:
    """The card never shows what was not stored."""
    served.city.shoot()
    page = open_page()
    page.get_by_test_id("incident").wait_for()
    served.stop()
    wait_for_lost(page)
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_text("The verdict was not kept").wait_for()
    assert page.get_by_test_id("verdict").count() == 0
