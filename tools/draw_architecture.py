"""Draw in docs/images: architecture.svg, how sound flows, and imports.svg, the law of imports of .importlinter.

`--check` only says which picture is out of date.
"""

from __future__ import annotations

import argparse
import configparser
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
STYLE = """
text{font-family:ui-sans-serif,system-ui,'Segoe UI',Helvetica,Arial,sans-serif;text-anchor:middle;fill:#1b2430}
.title{font-size:16px;font-weight:600}.line{font-size:12.5px;fill:#4a5768}.said{font-size:11.5px;fill:#4a5768}
.name{font-size:13px}.head{font-size:15px;font-weight:600;text-anchor:start}.aside{font-size:12.5px;fill:#4a5768;text-anchor:start}
rect{stroke-width:1.4}.fold{fill:#ffe9e6;stroke:#c8402f}.seam{fill:#e8f0fb;stroke:#3a6fb0}.room{fill:#f2f4f7;stroke:#9aa6b5}
.paper{fill:#fff}.way{stroke:#5c6b7d;stroke-width:1.5;fill:none}
"""
ARROW = (
    '<marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#5c6b7d"/></marker>'
)
LINE_HEIGHT = 17
FLOW = "Sound flows from sources over the bus through listening and association to store, page and sinks"
LAW = "The rooms of the house in layers; each imports only what lies below"


@dataclass(frozen=True)
class Box:
    """A rounded rectangle with a title and some lines, of a CSS class."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str
    lines: Sequence[str] = ()

    def svg(self) -> Iterator[str]:
        """Its elements."""
        middle = self.x + self.width / 2
        yield _rect(self.kind, self.x, self.y, self.width, self.height)
        yield _text("title", middle, self.y + 26, self.title)
        for number, line in enumerate(self.lines):
            yield _text("line", middle, self.y + 47 + number * LINE_HEIGHT, line)


def _rect(kind: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8"/>'


def _text(kind: str, x: float, y: float, words: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(words)}</text>'


def _way(x1: float, y1: float, x2: float, y2: float, said: str = "", *, dx: float = 0, dy: float = -7) -> Iterator[str]:
    """An arrow, and what goes along it."""
    yield f'<path class="way" d="M{x1:g} {y1:g}L{x2:g} {y2:g}" marker-end="url(#arrow)"/>'
    if said:
        yield _text("said", (x1 + x2) / 2 + dx, (y1 + y2) / 2 + dy, said)


def _svg(width: int, height: int, label: str, elements: Iterator[str]) -> str:
    about = f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {about}>'
    paper = f'<rect class="paper" width="{width}" height="{height}"/>'
    return "\n".join((head, f"<style>{STYLE}</style><defs>{ARROW}</defs>{paper}", *elements, "</svg>", ""))


def flow() -> str:
    """From a microphone to a dispatcher."""
    boxes = (
        Box("seam", 20, 60, 160, 124, "Source", ("file · replay", "microphone", "RTSP · HTTP", "simulation")),
        Box(
            "seam", 240, 60, 150, 124, "Bus", ("memory, or Kafka", "and MQTT; in order", "per sensor,", "at least once")
        ),
        Box(
            "fold",
            450,
            60,
            190,
            124,
            "Listening",
            ("fold 1, one sensor", "windows on its clock", "onset to the sample", "finite memory ≤ 2 s"),
        ),
        Box(
            "fold",
            770,
            60,
            190,
            124,
            "Association",
            ("fold 2, all sensors", "picks → shots → incidents", "place, ellipse, rounds", "small state, as bytes"),
        ),
        Box("room", 1030, 60, 140, 124, "Page", ("HTTP API", "live events", "map, strips", "reviews")),
        Box("seam", 450, 262, 190, 90, "Detector", ("ONNX networks", "energy, fetched taggers")),
        Box("seam", 700, 262, 200, 90, "Store", ("database + FLAC clips", "clip, row, acknowledgement")),
        Box("seam", 985, 262, 185, 90, "Sink", ("console, e-mail, webhook", "MQTT, CAP")),
    )

    def elements() -> Iterator[str]:
        yield _text("head", 20, 34, "Sound in, incidents out: two pure folds (red) between five seams (blue)")
        for box in boxes:
            yield from box.svg()
        yield from _way(180, 122, 238, 122, "chunks")
        yield from _way(390, 122, 448, 122, "chunks")
        yield from _way(640, 122, 768, 122, "detections, heard")
        yield from _way(960, 122, 1028, 122, "incidents")
        yield from _way(520, 184, 520, 260, "windows", dx=-32, dy=4)
        yield from _way(570, 262, 570, 186, "scores", dx=26, dy=4)
        yield from _way(615, 184, 735, 260, "clips, detections", dx=50, dy=-6)
        yield from _way(850, 184, 825, 260, "incidents", dx=34, dy=4)
        yield from _way(935, 184, 1060, 260, "alerts by rules", dx=52, dy=-4)

    return _svg(
        1190,
        372,
        "Sound flows from sources over the bus through listening and association to store, page and sinks",
        elements(),
    )


NOTES = {
    "cli": "thin: parse, call, print",
    "wiring": "the only place that names implementations",
    "sources": "implementations never import each other",
    "seams": "five protocols; settings; nouns as JSON",
    "core": "the folds: NumPy and SciPy, no clock, no I/O",
    "nouns": "frozen dataclasses, units in their names",
}


KINDS = {"core": "fold", **dict.fromkeys(("sources", "buses", "detectors", "stores", "sinks", "seams"), "seam")}


def layers() -> list[list[str]]:
    """Rooms by layer, the highest first, as .importlinter has them."""
    linter = configparser.ConfigParser()
    linter.read(ROOT / ".importlinter", encoding="utf-8")
    stated = linter["importlinter:contract:house"]["layers"].split("\n")
    return [[room.strip(" ()") for room in re.split(r"[|:]", line)] for line in stated if line.strip()]


def imports() -> str:
    """Layer above layer: a room may import what lies below it."""
    rows = layers()
    height, gap, left, wide = 40, 22, 20, 880

    def elements() -> Iterator[str]:
        yield _text("head", left, 34, "Imports go downwards only")
        for number, rooms in enumerate(rows):
            y = 56 + number * (height + gap)
            width = (wide - 10 * (len(rooms) - 1)) / len(rooms)
            for at, room in enumerate(rooms):
                x = left + at * (width + 10)
                yield _rect(KINDS.get(room, "room"), x, y, width, height)
                yield _text("name", x + width / 2, y + 25, room)
            if note := NOTES.get(rooms[0], ""):
                yield _text("aside", left + wide + 18, y + 25, note)
            if number:
                yield from _way(left + wide / 2, y - gap + 3, left + wide / 2, y - 3)

    return _svg(
        1240,
        66 + len(rows) * (height + gap),
        "The rooms of the house in layers; each imports only what lies below",
        elements(),
    )


PICTURES = {"architecture.svg": flow, "imports.svg": imports}


def main() -> None:
    """Draw both, or say which is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="draw nothing; end with 1 if a picture is out of date")
    check = parser.parse_args().check
    for name, draw in PICTURES.items():
        path, drawn = IMAGES / name, draw()
        if check and (not path.exists() or path.read_text(encoding="utf-8") != drawn):
            sys.exit(f"docs/images/{name} is out of date; run `make docs`.")
        if not check:
            path.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
