"""How the page looks on other screens and to other eyes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Open, Served

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

CONTRAST = """() => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
    const over = (under, colour) => {
        canvas.fillStyle = `rgb(${under.join(' ')})`; canvas.fillRect(0, 0, 1, 1);
        canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    };
    const light = rgb => rgb.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
    const ground = element => {
        const chain = [];
        for (let at = element; at; at = at.parentElement) chain.push(getComputedStyle(at).backgroundColor);
        return chain.reverse().reduce(over, [255, 255, 255]);
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
        const box = element.getBoundingClientRect();
        if (!own || element.closest('svg, noscript, :disabled, [aria-hidden=true]') || box.width < 2) continue;
        const under = ground(element);
        const [a, b] = [light(over(under, getComputedStyle(element).color)), light(under)].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        if (ratio < 4.5) faint.push(`${element.textContent.trim().slice(0, 30)}: ${ratio.toFixed(2)}`);
    }
    return faint;
}"""


def busy(served: Served) -> None:
    """An evening with something of everything."""
    served.city.shoot(rounds=14, spacing_s=0.09, heard_by=9)
    served.city.shoot(200, 300, status="ambiguous", heard_by=3, age_s=400)
    served.city.shoot(-400, 200, status="unlocated", heard_by=2, age_s=700)
    served.city.reject("fireworks", 100, 100)
    served.city.states = {"k05": "late", "k11": "silent", "k18": "gone"}
    served.city.tick({"k08": ("gunshot", 0.97), "k09": ("fireworks", 0.82)})


def width_beyond(page: Any) -> int:
    return int(page.evaluate("() => document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page: Open, served: Served, scheme: str) -> None:
    """Every word has a contrast of at least 4.5 to 1 (WCAG 2.2 AA), with details open."""
    busy(served)
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    page.get_by_test_id("incident").first.wait_for()
    page.locator("[data-sensor=k08][data-hot=true]").wait_for()
    assert page.evaluate(CONTRAST) == []
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.get_by_text("Heard by 9 sensors").wait_for()
    assert page.evaluate(CONTRAST) == []


def test_dark_follows_the_system_until_the_reader_chooses(open_page: Open) -> None:
    """A dark system gets dark colours; the button changes to light, and the choice is kept."""
    page = open_page(color_scheme="dark")

    def ground() -> int:
        return int(page.evaluate("() => getComputedStyle(document.body).backgroundColor.match(/\\d+/g)[0]"))

    assert ground() < 40
    page.get_by_role("button", name="Colours").click()
    page.wait_for_function("() => document.documentElement.dataset.theme === 'light'")
    assert ground() > 200
    page.reload()
    page.get_by_test_id("connection").filter(has_text="Live").wait_for()
    assert ground() > 200


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1920])
def test_nothing_is_wider_than_the_screen(open_page: Open, served: Served, width: int) -> None:
    """No sideways scrolling from a small phone to a wide desk, on any tab, with details open."""
    busy(served)
    page = open_page(width=width, height=844, webgl=width == 1024, has_touch=width < 800)
    page.get_by_test_id("incident").first.wait_for()
    for tab in page.get_by_role("tab").all():
        tab.click()
        assert width_beyond(page) <= 0
    page.get_by_role("tab", name="Incidents").click()
    page.get_by_role("button", name="14 rounds").click()
    page.get_by_text("Heard by 9 sensors").wait_for()
    assert width_beyond(page) <= 0


def test_a_phone_has_sensors_in_a_tab_and_large_targets(open_page: Open, served: Served) -> None:
    """What does not fit beside the map is a tap away, and buttons are at least 44 pixels high."""
    busy(served)
    page = open_page(width=390, height=844, has_touch=True, is_mobile=True)
    page.get_by_test_id("incident").first.wait_for()
    assert page.get_by_test_id("strip").count() == 0
    page.get_by_role("tab", name="Sensors").tap()
    page.get_by_test_id("strip").first.wait_for()
    page.get_by_role("tab", name="Incidents").tap()
    box = page.get_by_role("button", name="Confirm").first.bounding_box()
    assert box["height"] >= 44


def test_without_webgl_the_map_is_drawn_as_svg(open_page: Open, served: Served) -> None:
    """Sensors, ellipse and place are there all the same, and a click on the place opens it."""
    served.city.shoot()
    page = open_page()
    page.locator("svg[data-testid=map] .incident").click()
    page.get_by_test_id("detail").wait_for()
    assert page.locator("svg[data-testid=map] .sensor").count() == 24
    assert page.locator("svg[data-testid=map] .ellipse").count() == 1


def test_reduced_motion_keeps_the_strips_current_without_flow(open_page: Open, served: Served) -> None:
    """Who asked for less motion sees the same sound, a second at a time."""
    page = open_page(reduced_motion="reduce")
    page.get_by_test_id("strip").first.wait_for()
    assert page.evaluate("() => document.getAnimations().length") == 0
    served.city.tick({"k08": ("gunshot", 0.97)})
    page.locator("[data-sensor=k08][data-hot=true]").wait_for()
