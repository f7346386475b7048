"""Pictures of the page for the docs: the demo as a browser shows it, light, dark and on a phone.

Needs `dhishoom[dev]`, a built page and Chromium. The demo's seed is fixed; only the times on the cards differ.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
DESK = {"width": 1320, "height": 840}
PHONE = {"width": 390, "height": 844}
LOOKS: dict[str, dict[str, Any]] = {
    "page-phone": {"viewport": PHONE, "color_scheme": "light", "is_mobile": True, "has_touch": True},
    "page-light": {"viewport": DESK, "color_scheme": "light"},
    "page-dark": {"viewport": DESK, "color_scheme": "dark"},
}
WAIT_MS = 90_000
SETTLE_MS = 4_000
"""For the map to come to rest and the sounds' envelopes to be drawn."""
BYTES_MAX = 300_000


@contextmanager
def demo(seed: int, seconds: float) -> Iterator[str]:
    """The running demo's address."""
    with tempfile.TemporaryDirectory(prefix="dhishoom-pictures-") as folder:
        command = [sys.executable, "-m", "dhishoom", "demo", "--no-browser", "--port", "0", "--seconds", f"{seconds:g}"]
        command += ["--seed", str(seed), "--data", "dhishoom-data"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=folder)
        try:
            yield address_in(process)
        finally:
            process.terminate()
            process.communicate(timeout=60)


def address_in(process: subprocess.Popen[str]) -> str:
    """The first address that the demo prints."""
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"http://\S+", line):
            return found[0]
    raise SystemExit(f"the demo did not start: {''.join(said)}")


def wait_for_evening(page: Any) -> None:
    """Until a burst of three and a rejected firework are there, and the map is drawn."""
    page.get_by_test_id("incident").filter(has_text="3 rounds").first.wait_for()
    page.wait_for_function(
        "async () => (await (await fetch('/api/v1/detections?limit=500')).json()).items"
        ".some(one => one.label === 'firework')"
    )
    page.wait_for_function("() => document.querySelector('[data-testid=map]')?.dataset.drawn !== 'false'")


def show_details(page: Any) -> None:
    """The burst's card opened: its ellipse on the map, and who heard it."""
    page.get_by_role("button", name=re.compile("3 rounds")).first.click()
    page.get_by_test_id("detail").wait_for()


def show_rejected(page: Any) -> None:
    """The list of what was no gunfire."""
    page.get_by_role("tab", name="Rejected").click()
    page.get_by_test_id("rejected").first.wait_for()


def show_all(page: Any) -> None:
    """As the page opens."""


SHOWN = {"page-light": show_details, "page-dark": show_rejected, "page-phone": show_all}


def take(browser: Any, url: str, name: str, folder: Path) -> Path:
    """One picture."""
    context = browser.new_context(reduced_motion="reduce", **LOOKS[name])
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(url)
    wait_for_evening(page)
    SHOWN[name](page)
    page.wait_for_timeout(SETTLE_MS)
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    context.close()
    return path


def main() -> None:
    """Take all of them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--out", type=Path, default=IMAGES)
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or sys.exit("no chromium: install the package `chromium`.")
    with demo(options.seed, 300.0) as url, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        for name in LOOKS:
            path = take(browser, url, name, options.out)
            size = path.stat().st_size
            print(f"{path.name}: {size / 1000:.0f} kB")
            if size > BYTES_MAX:
                sys.exit(f"{path} is larger than {BYTES_MAX / 1000:.0f} kB; make the window smaller.")
        browser.close()


if __name__ == "__main__":
    main()
