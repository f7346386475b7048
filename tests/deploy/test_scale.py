"""What docs/scale.md computes with is held against simulations, and the page is what its command writes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tools.queueing import (
    arrivals,
    batch_delay,
    simulated_batches,
    simulated_worker,
    worker_delay,
)

ROOT = Path(__file__).parents[2]
EVERY_S = 10.0
SERVICE_S = 0.01


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8, 0.9])
def test_a_worker_waits_as_the_model_says(load: float) -> None:
    """Clips at random, to a tenth."""
    sensors = round(load / SERVICE_S * EVERY_S)
    come_s = arrivals(sensors, EVERY_S, 3000.0, random=True, seed=1)
    seen, said = simulated_worker(come_s, SERVICE_S), worker_delay(sensors / EVERY_S, SERVICE_S)

    assert seen.mean_s == pytest.approx(said.mean_s, rel=0.1)
    assert seen.p95_s == pytest.approx(said.p95_s, rel=0.1)
    assert seen.p99_s == pytest.approx(said.p99_s, rel=0.1)


@pytest.mark.parametrize("load", [0.6, 0.8, 0.9])
def test_sensors_that_send_on_time_wait_less(load: float) -> None:
    """The model is on the safe side of what a city does."""
    sensors = round(load / SERVICE_S * EVERY_S)
    come_s = arrivals(sensors, EVERY_S, 1000.0, random=False, seed=2)

    assert simulated_worker(come_s, SERVICE_S).p99_s <= worker_delay(sensors / EVERY_S, SERVICE_S).p99_s + SERVICE_S


@pytest.mark.parametrize("sensors", [100, 300, 600, 1000, 1700])
@pytest.mark.parametrize("random", [False, True])
def test_batches_delay_as_the_model_says(sensors: int, random: bool) -> None:
    """Batches shorter and longer than the trigger, to a tenth."""
    fixed_s, each_s, trigger_s = 0.3, 0.005, 2.0
    come_s = arrivals(sensors, EVERY_S, 2000.0, random=random, seed=3)
    seen, said = (
        simulated_batches(come_s, fixed_s, each_s, trigger_s),
        batch_delay(sensors / EVERY_S, fixed_s, each_s, trigger_s),
    )

    assert seen.p50_s == pytest.approx(said.p50_s, rel=0.1)
    assert seen.p95_s == pytest.approx(said.p95_s, rel=0.1)


def test_what_cannot_keep_up_is_said_to_wait_for_ever() -> None:
    """A load of one and more."""
    assert worker_delay(100.0, SERVICE_S).mean_s == float("inf")
    assert batch_delay(200.0, 0.3, 0.005, 2.0).p50_s == float("inf")


def test_the_page_is_what_its_command_writes() -> None:
    """From the figures in benchmarks/measured.json."""
    command = [sys.executable, str(ROOT / "tools" / "size_city.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stderr
