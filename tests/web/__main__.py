"""Look at the page over a made-up city: `python -m tests.web [--port 8765]`."""

from __future__ import annotations

import argparse
import threading
import time

import uvicorn

from tests.web.fake import FakeCity, fake_site


def past_of(city: FakeCity) -> None:
    """An evening that has already happened."""
    city.shoot(-480, 210, rounds=1, score=0.93, heard_by=5, age_s=1620)
    city.shoot(560, -330, rounds=14, spacing_s=0.09, score=0.99, heard_by=9, age_s=840)
    city.shoot(-700, -400, rounds=2, status="unlocated", score=0.71, heard_by=2, age_s=610)
    city.shoot(260, 330, rounds=1, status="ambiguous", score=0.84, heard_by=3, age_s=330)
    for age_s, label, x_m in (
        (1500, "door", 100),
        (700, "fireworks", 300),
        (690, "fireworks", 310),
        (240, "hammer", -260),
    ):
        city.reject(label, x_m, 120, age_s=age_s, heard_by=3, score=0.77)
    city.states = {"k05": "late", "k18": "gone", "k11": "silent"}


def play(city: FakeCity, wall: bool = True) -> None:
    """Strips every second; a burst, then fireworks, again and again."""
    for second in range(10**9):
        marks = {}
        if second % 40 == 6:
            burst = city.shoot(95, 65, rounds=3, heard_by=7)
            marks = dict.fromkeys(burst.sensor_ids, ("gunshot", 0.97))
        if second % 40 == 8:
            city.revise(burst, score=0.99)
        if second % 40 in (20, 21, 24):
            city.reject("fireworks", -350, -120)
            marks = dict.fromkeys(("k08", "k09", "k02", "k14"), ("fireworks", 0.82))
        city.tick(marks)
        time.sleep(max(0.0, city.now_ns / 1e9 - time.time()) if wall else 0)


def main() -> None:
    """Serve the page until interrupted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--local", action="store_true")
    parser.add_argument("--empty", action="store_true")
    options = parser.parse_args()
    city = FakeCity(fake_site(options.rows, options.columns, local=options.local), now_ns=time.time_ns() - 30 * 10**9)
    if not options.empty:
        past_of(city)
        threading.Thread(target=play, args=(city,), daemon=True).start()
    uvicorn.run(city.app(), port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
