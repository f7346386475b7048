"""Draw docs/images/street.png: a real incident, as `dhishoom replay` locates it from the sound of six street sensors.

Recordings: ShotSpotter, Inc., MIT licence; the folder is `data/street` of DHISHOOM_SHARED (default: ../shared).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
PICTURE = REPOSITORY / "docs" / "images" / "street.png"


def main() -> None:
    """Replay with --plot and keep the picture of the largest incident."""
    shared = Path(os.environ.get("DHISHOOM_SHARED", REPOSITORY.parent / "shared"))
    street = shared / "data" / "street"
    if not street.is_dir():
        sys.exit(f"no recordings in {street}: set DHISHOOM_SHARED to the folder that holds data/street.")
    with tempfile.TemporaryDirectory() as folder:
        dhishoom = Path(sys.executable).with_name("dhishoom")
        subprocess.run([dhishoom, "replay", street, "--plot", folder], check=True)
        pictures = sorted(Path(folder).rglob("*.png"), key=lambda path: path.stat().st_size)
        if not pictures:
            sys.exit("the replay made no incident, so there is nothing to draw.")
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pictures[-1], PICTURE)
    print(f"Drew {PICTURE.relative_to(REPOSITORY)}.")


if __name__ == "__main__":
    main()
