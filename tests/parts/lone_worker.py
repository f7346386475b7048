"""Run as a process of its own: a worker of a city of bangs, to be killed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from dhishoom.buses.kafka import KafkaBus
from dhishoom.buses.kafka_link import KafkaLink
from dhishoom.detectors.energy import EnergyDetector
from dhishoom.errors import DhishoomError
from dhishoom.service.worker import CityWorker
from dhishoom.stores.sql import SqlStore
from tests.parts.city_workers import Codec, city


def work(bus: Any, url: str, folder: Path) -> None:
    """Hear until killed."""
    store = SqlStore(url, folder / "clips")
    worker = CityWorker(city().site(), EnergyDetector(), store, bus, Codec())
    print("up", flush=True)
    while True:
        try:
            worker.turn(8, 0.1)
        except DhishoomError as error:
            print(error, flush=True)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    address = KafkaLink(**given["link"])
    shared = KafkaBus(address, group=given["group"], session_ms=2000)
    work(shared, given["url"], Path(given["folder"]))
