"""A real Chromium before the page, and a made-up city behind it. Nothing sleeps: every wait is for a condition."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from dhishoom.web.app import PAGE_FOLDER
from tests.web.fake import FakeCity

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
WAIT_MS = 60_000
WITHOUT_WEBGL = """
const original = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return kind.startsWith("webgl") ? null : original.call(this, kind, ...rest);
};"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium, once for all tests here; skips where it, its driver or the built page is missing.

    Ended with the package: while the driver runs, no other test of this process can run an event loop.
    """
    if shutil.which(CHROMIUM) is None:
        pytest.skip("no chromium: install the package `chromium`")
    if not (PAGE_FOLDER / "index.html").is_file():
        pytest.skip("the page is not built: run `make page`")
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright: install dhishoom[dev]")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Served:
    """The city's application on a port of its own; can be stopped and started again on the same port."""

    def __init__(self, city: FakeCity) -> None:
        self.city = city
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Listen; return once connections are taken."""
        self._server = uvicorn.Server(
            uvicorn.Config(self.city.app(), port=self.port, log_level="error", lifespan="off")
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            self._thread.join(0.01)

    def stop(self) -> None:
        """Close every connection; return once the port is free."""
        self._server.force_exit = True
        self._server.should_exit = True
        self._thread.join(10)


@pytest.fixture
def served() -> Iterator[Served]:
    """An evening in the city: some sound has been heard, no shot yet."""
    city = FakeCity()
    for _ in range(12):
        city.tick()
    served = Served(city)
    yield served
    served.stop()


Open = Callable[..., Any]


@pytest.fixture
def open_page(browser: Any, served: Served) -> Iterator[Open]:
    """Open the page as a browser of some size and taste; fails if anything leaves the server's own address."""
    contexts = []
    foreign: list[str] = []
    faults: list[str] = []

    def open_page(width: int = 1360, height: int = 860, path: str = "", *, webgl: bool = False, **taste: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **taste)
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        if not webgl:  # drawn by software, a WebGL map takes seconds
            page.add_init_script(WITHOUT_WEBGL)
        page.on("request", lambda request: _note_foreign(request.url, served.url, foreign))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
        page.goto(served.url + path)
        page.get_by_test_id("connection").filter(has_text="Live").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert foreign == []
    assert faults == []


def _note_foreign(url: str, own: str, foreign: list[str]) -> None:
    if not url.startswith((own, "blob:", "data:")):
        foreign.append(url)
