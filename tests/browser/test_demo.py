"""`dhishoom demo` as its user meets it: the real process, the real page, a real browser."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.browser.conftest import WITHOUT_WEBGL

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

SECONDS = 600
WAIT_MS = 120_000
"""Four times what it takes by itself: other work may share the machine."""


@dataclass(slots=True)
class Demo:
    """A running demo; what it says is read as it comes."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)

    def read(self) -> None:
        """Until it ends."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if "page " in line:
                self.ready.set()
        self.ready.set()

    @property
    def url(self) -> str:
        """Of the page, as it was printed."""
        assert self.ready.wait(60), "the demo said nothing for a minute"
        found = re.search(r"http://\S+", "".join(self.said))
        assert found, "".join(self.said)
        return found[0]


@pytest.fixture(scope="module")
def demo(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Started as `make demo` starts it, on any free port; stopped as Ctrl-C stops it."""
    data = tmp_path_factory.mktemp("demo") / "data"
    command = [sys.executable, "-m", "dhishoom", "demo", "--no-browser", "--port", "0", "--seconds", str(SECONDS)]
    process = subprocess.Popen([*command, "--data", str(data)], stderr=subprocess.PIPE, text=True)
    running = Demo(process)
    reader = threading.Thread(target=running.read, daemon=True)
    reader.start()
    yield running
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    reader.join(10)
    assert "All of it is in" in "".join(running.said)


@pytest.fixture
def page(browser: Any, demo: Demo) -> Iterator[Any]:
    """The demo's page at a desk."""
    context = browser.new_context(viewport={"width": 1360, "height": 860})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.add_init_script(WITHOUT_WEBGL)
    page.goto(demo.url)
    page.get_by_test_id("connection").filter(has_text="Live").wait_for()
    yield page
    context.close()


def test_a_shot_turns_strips_red_and_becomes_a_card_with_a_place(page: Any) -> None:
    """Within seconds: red strips, a card with place and rounds, its ellipse on the map among streets and sensors."""
    assert page.get_by_test_id("strip").count() == 24
    page.wait_for_selector("[data-testid=strip][data-hot=true]")
    card = page.get_by_test_id("incident").filter(has_text="1 round").first
    card.wait_for()
    assert re.search(r"39\.8\d+, -98\.5\d+", card.inner_text())
    page.wait_for_selector("svg path.ellipse", state="attached")
    box = page.locator("svg path.ellipse").first.bounding_box()
    assert box["width"] > 1
    assert box["height"] > 1


def test_a_burst_of_three_is_one_card_whose_sound_plays(page: Any) -> None:
    """Three rounds on one card, with the interval about them; the clip is fetched and plays."""
    card = page.get_by_test_id("incident").filter(has_text="3 rounds").first
    card.wait_for()
    card.get_by_role("button", name="Play sound").click()
    card.get_by_role("button", name="Pause sound").wait_for()


def test_fireworks_are_listed_as_rejected(page: Any) -> None:
    """What was loud but no gunfire stands in the list with what it was taken for."""
    page.get_by_role("tab", name="Rejected").click()
    page.get_by_test_id("rejected").filter(has_text="Firework").first.wait_for()


def test_the_same_is_told_by_the_api(page: Any, demo: Demo) -> None:
    """`GET /api/v1/incidents` has every card; nothing was lost on the way."""
    page.get_by_test_id("incident").filter(has_text="3 rounds").first.wait_for()
    told = page.evaluate("async () => (await (await fetch('/api/v1/incidents')).json()).items.map(one => one.rounds)")
    assert 3 in told
    health = page.evaluate("async () => (await fetch('/api/v1/health')).json()")
    assert health["chunks_lost"] == 0
