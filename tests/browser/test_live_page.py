"""The Live page in a real browser: what is heard appears, what is clicked and pressed happens."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import Open, Served

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

STRIP_PIXELS = """sensor => {
    const canvas = document.querySelector(`[data-sensor=${sensor}] canvas`);
    const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let red = 0, blue = 0, sum = 0;
    for (let at = 0; at < data.length; at += 4) {
        if (data[at + 3] < 128) continue;
        sum = (sum * 31 + at) % 1000003;
        if (data[at] > 180 && data[at + 2] < 100) red += 1;
        if (data[at + 2] > 180 && data[at] < 140) blue += 1;
    }
    return {red, blue, sum};
}"""
MAP_COLOURS = """() => {
    const canvas = document.querySelector('[data-testid=map] canvas');
    const small = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    small.drawImage(canvas, 0, 0);
    const {data} = small.getImageData(0, 0, canvas.width, canvas.height);
    let sensors = 0, places = 0;
    for (let at = 0; at < data.length; at += 4) {
        if (data[at] < 80 && data[at + 2] > 160) sensors += 1;
        if (data[at] > 200 && data[at + 1] < 70 && data[at + 2] < 70) places += 1;
    }
    return {sensors, places};
}"""


def wait_for_cards(page: Any, count: int) -> None:
    page.wait_for_function("count => document.querySelectorAll('[data-testid=incident]').length === count", arg=count)


def test_the_map_draws_sensors_and_then_the_place_of_a_shot(open_page: Open, served: Served) -> None:
    """Blue dots for the sensors; red where it was fired, with its ellipse, once it was."""
    page = open_page(webgl=True)
    page.wait_for_selector("[data-testid=map][data-drawn=true]")
    assert page.evaluate(MAP_COLOURS)["sensors"] > 24 * 20
    assert page.evaluate(MAP_COLOURS)["places"] == 0
    served.city.shoot(rounds=3)
    page.wait_for_function(f"() => ({MAP_COLOURS})().places > 40")


def test_strips_move_and_turn_red_on_a_shot(open_page: Open, served: Served) -> None:
    """The envelope of every sensor flows in blue; one that hears a shot turns red and says so in words."""
    page = open_page()
    assert page.get_by_test_id("strip").count() == 24
    page.wait_for_function(f"() => ({STRIP_PIXELS})('k08').blue > 100")
    before = page.evaluate(STRIP_PIXELS, "k08")
    assert before["red"] == 0
    served.city.tick({"k08": ("gunshot", 0.97)})
    page.wait_for_function(f"sum => ({STRIP_PIXELS})('k08').sum !== sum", arg=before["sum"])
    page.wait_for_function(f"() => ({STRIP_PIXELS})('k08').red > 10")
    page.locator("[data-sensor=k08]").get_by_text("Gunshot 97 %").wait_for()
    assert page.locator("[data-sensor=k09]").get_attribute("data-hot") == "false"


def test_a_card_appears_without_reloading_and_is_said_aloud(open_page: Open, served: Served) -> None:
    """Time, place with its error, rounds with their interval, sensors and score are on it; a reader hears it."""
    page = open_page()
    page.get_by_text("No shots heard").wait_for()
    page.evaluate("() => { window.liveAt = performance.now(); }")
    page.wait_for_function("() => performance.now() - window.liveAt > 2000")  # what comes while it opens is no news
    served.city.shoot(rounds=3)
    wait_for_cards(page, 1)
    words = page.get_by_test_id("incident").inner_text()
    for expected in ("3 rounds", "2–4", "41.87914, -87.65012", "± 18 m", "6 sensors", "Almost certain", "98 %"):
        assert expected in words
    assert re.search(r"\d+ s ago", words)
    page.get_by_role("log").filter(has_text="New incident: 3 rounds").wait_for(state="attached")


def test_a_revision_replaces_its_card(open_page: Open, served: Served) -> None:
    """A later revision changes the card in its place and is marked; an earlier one that comes late changes nothing."""
    incident = served.city.shoot(rounds=2)
    page = open_page()
    wait_for_cards(page, 1)
    served.city.revise(incident, rounds=5, rounds_low=4, rounds_high=6)
    page.get_by_role("button", name=re.compile("5 rounds")).wait_for()
    served.city.tell(incident)
    served.city.shoot(-300, 100, age_s=30)
    wait_for_cards(page, 2)
    assert "rev 2" in page.get_by_test_id("incident").first.inner_text()


def test_what_is_not_sure_is_told_as_such(open_page: Open, served: Served) -> None:
    """Two possible places are both given; where none is known the card says why."""
    served.city.shoot(status="ambiguous", heard_by=3)
    served.city.shoot(-400, 200, status="unlocated", heard_by=2, age_s=10)
    page = open_page()
    wait_for_cards(page, 2)
    page.get_by_text("two places fit").wait_for()
    page.get_by_text("Two sensors heard it; a place needs three.").wait_for()


def test_rejections_are_listed_with_what_they_were(open_page: Open, served: Served) -> None:
    """A firework that five sensors heard is one line, with label and score, and raised no card."""
    served.city.reject("fireworks", 100, 100, heard_by=5)
    page = open_page()
    page.get_by_role("tab", name="Rejected").click()
    row = page.get_by_test_id("rejected")
    row.get_by_text("heard by 5 sensors").wait_for()
    assert re.search(r"Fireworks\s+0\.8\d", row.inner_text())
    served.city.reject("door", -300, 100, heard_by=2)
    page.get_by_text("Door").wait_for()
    assert row.count() == 2


def test_a_verdict_is_posted_shown_and_taken_back(open_page: Open, served: Served) -> None:
    """Confirm marks the card and reaches the store; undo takes it back and leaves both in the history."""
    incident = served.city.shoot()
    page = open_page()
    page.get_by_role("button", name="Confirm").click()
    page.get_by_test_id("verdict").filter(has_text="Confirmed").wait_for()
    with page.expect_response(lambda answer: "unsure" in (answer.request.post_data or "")):
        page.get_by_role("button", name="Undo").click()
    page.get_by_test_id("verdict").wait_for(state="detached")
    page.get_by_role("button", name="Confirm").wait_for()
    said = [review.verdict for review in served.city.store.reviews(incident.incident_id)]
    assert said == ["confirmed", "unsure"]


def test_a_verdict_given_at_another_desk_appears(open_page: Open, served: Served) -> None:
    """Two pages see the same verdict, neither reloads."""
    served.city.shoot()
    here, there = open_page(), open_page()
    there.get_by_role("button", name="Dismiss").click()
    here.get_by_test_id("verdict").filter(has_text="Dismissed").wait_for()


def test_details_show_sound_shots_history_and_take_comments(open_page: Open, served: Served) -> None:
    """An open incident lists every sensor with its sound, every shot, and what people said."""
    incident = served.city.revise(served.city.shoot(rounds=3), score=0.99)
    page = open_page()
    page.get_by_role("button", name=re.compile("3 rounds")).click()
    detail = page.get_by_test_id("detail")
    detail.get_by_text("Heard by 6 sensors").wait_for()
    detail.get_by_text("Revision 2").wait_for()
    assert detail.locator("tbody tr").count() == 3
    assert incident.incident_id in page.url
    detail.get_by_label("Your name").fill("Desk 2")
    detail.get_by_label("Comment").fill("Two casings found")
    detail.get_by_label("Comment").press("Enter")
    detail.get_by_text("Two casings found").wait_for()
    assert served.city.store.reviews()[0].reviewer == "Desk 2"


def test_an_address_with_an_incident_opens_it(open_page: Open, served: Served) -> None:
    """A link can be sent to a colleague."""
    incident = served.city.shoot(rounds=4)
    page = open_page(path=f"#/live/{incident.incident_id}")
    page.get_by_test_id("detail").get_by_role("heading", name="4 rounds").wait_for()


def test_sound_plays(open_page: Open, served: Served) -> None:
    """The clip is fetched, drawn and played to its end."""
    served.city.shoot()
    page = open_page()
    page.get_by_role("button", name="Play sound").click()
    page.get_by_role("button", name="Pause sound").wait_for()
    page.get_by_role("button", name="Play sound").wait_for()


def test_a_shot_told_before_its_clip_is_whole_can_be_played(open_page: Open, served: Served) -> None:
    """What is not there yet is asked for again, and plays."""
    page, early = open_page(), [404, 404]

    def not_yet(route: Any) -> None:
        if early:
            route.fulfill(status=early.pop())
        else:
            route.continue_()

    page.route("**/detections/*/clip", not_yet)
    served.city.shoot()
    page.get_by_role("button", name="Play sound").click()
    page.get_by_role("button", name="Pause sound").wait_for()

    assert not early


def test_the_keyboard_does_everything(open_page: Open, served: Served) -> None:
    """j and k move, y and n mark, u undoes, Enter opens, Escape closes, ? helps; typing is left alone."""
    first, second = served.city.shoot(), served.city.shoot(-300, 200, age_s=30)
    page = open_page()
    wait_for_cards(page, 2)

    def selected() -> str | None:
        locator = page.locator("[data-testid=incident][aria-current=true]")
        return str(locator.get_attribute("data-id"))

    page.keyboard.press("j")
    assert selected() == first.incident_id
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert selected() == second.incident_id
    page.keyboard.press("k")
    page.keyboard.press("n")
    page.get_by_test_id("verdict").filter(has_text="Dismissed").wait_for()
    page.keyboard.press("u")
    page.get_by_test_id("verdict").wait_for(state="detached")
    page.keyboard.press("y")
    page.get_by_test_id("verdict").filter(has_text="Confirmed").wait_for()
    page.keyboard.press("Enter")
    page.get_by_test_id("detail").get_by_label("Comment").type("jkyn?")
    assert page.get_by_label("Comment").input_value() == "jkyn?"
    assert selected() == first.incident_id
    page.get_by_test_id("detail").get_by_role("heading").first.focus()
    page.keyboard.press("Escape")
    page.get_by_test_id("detail").wait_for(state="detached")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Help").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")


def test_a_sensor_that_falls_silent_says_so(open_page: Open, served: Served) -> None:
    """A changed state reaches the strip in words."""
    page = open_page()
    served.city.live.publish("sensors", {"items": [{"id": "k05", "state": "gone", "level_dbfs": None}]})
    page.locator("[data-sensor=k05]").get_by_text("Gone").wait_for()


def test_a_notice_and_the_simulation_are_announced(open_page: Open, served: Served) -> None:
    """The demo says that it is one; a gap in a sensor's sound is told with the sensor's name."""
    page = open_page()
    page.get_by_text("Simulated data").wait_for()
    notice = {
        "sensor_id": "k03",
        "time": served.city.sensors()[0]["last_heard"],
        "kind": "gap",
        "detail": "1.2 s missing",
    }
    served.city.live.publish("notice", notice)
    page.get_by_text("Library gap: 1.2 s missing").wait_for()
