"""Small lists in AudioSet's format, and an ontology to go with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from dhishoom.datasets.classes import NEGATIVE, POSITIVE

GUNSHOT, MACHINE_GUN, CAP_GUN = (one.mid for one in POSITIVE)
FUSILLADE = "/m/02z32qm"
CAR, SPEECH = "/m/0k4j", "/m/09x0r"


def video(number: int) -> str:
    """A video id of eleven characters."""
    return f"v{number:010d}"


def write_list(path: Path, rows: Sequence[tuple[str, float, str]], *, promised: int | None = None) -> Path:
    """A segment list of (video, start, labels) as AudioSet writes it."""
    lines = [
        "# Segments csv created for a test",
        f"# num_ytids=0, num_segs={promised or len(rows)}, num_unique_labels=0",
    ]
    lines += ["# YTID, start_seconds, end_seconds, positive_labels"]
    lines += [f'{name}, {start:.3f}, {start + 10:.3f}, "{labels}"' for name, start, labels in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_ontology(path: Path) -> Path:
    """The ancestor's classes; Fusillade lies below Gunshot."""
    nodes = [{"id": one.mid, "name": one.name, "child_ids": []} for one in (*POSITIVE, *NEGATIVE)]
    nodes[0]["child_ids"] = [MACHINE_GUN, FUSILLADE, CAP_GUN]
    nodes.append({"id": FUSILLADE, "name": "Fusillade", "child_ids": []})
    path.write_text(json.dumps(nodes), encoding="utf-8")
    return path
