"""One question to PyOcto, on standard input as JSON; its events and its CPU time, on standard output.

Run by bench_locate.py in an interpreter of its own. One phase, sound's velocity, kilometres, cells down to 20 m;
otherwise as PyOcto comes.
"""

from __future__ import annotations

import json
import sys
import time

import pandas as pd
import pyocto


def main() -> None:
    """Read, associate, write."""
    asked = json.load(sys.stdin)
    places, speed = asked["places_km"], asked["speed_km_s"]
    side = max(max(place) for place in places) + 0.5
    associator = pyocto.OctoAssociator(
        xlim=(-0.5, side),
        ylim=(-0.5, side),
        zlim=(0.0, 0.02),
        time_before=asked["range_km"] / speed + 1,
        velocity_model=pyocto.VelocityModel0D(
            p_velocity=speed,
            s_velocity=speed / 2,
            tolerance=asked["tolerance_s"],
            association_cutoff_distance=asked["range_km"],
        ),
        n_picks=4,
        n_p_picks=4,
        n_s_picks=0,
        n_p_and_s_picks=0,
        min_node_size=0.02,
        min_node_size_location=0.005,
        time_slicing=30.0,
        n_threads=1,
    )
    ids = [f"s{at:03d}" for at in range(len(places))]
    stations = pd.DataFrame({"id": ids, "x": [x for x, _ in places], "y": [y for _, y in places], "z": 0.0})
    names, times = zip(*asked["picks"], strict=True)
    picks = pd.DataFrame({"station": names, "phase": "P", "time": times})
    begun = time.process_time()
    events, _ = associator.associate(picks, stations)
    cpu_ms = 1000 * (time.process_time() - begun)
    found = [] if events.empty else events[["x", "y", "time"]].to_numpy().tolist()
    print(json.dumps({"events": found, "cpu_ms": cpu_ms}))


if __name__ == "__main__":
    main()
