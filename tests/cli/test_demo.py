"""The demo: a simulated evening through the real chain, held against what truly happened."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dhishoom.cli.demo import demo
from dhishoom.cli.serving import assemble
from dhishoom.core.geometry import to_local
from dhishoom.core.timestamps import from_rfc3339
from dhishoom.detectors.catalogue import DEFAULT, card_of
from dhishoom.messages import Json
from dhishoom.nouns import NS_PER_S
from dhishoom.service.intake import Feed
from dhishoom.settings import Settings, SimulationSettings, StoreSettings
from dhishoom.simulate.scenario import Happening, demo_scenario
from dhishoom.simulate.source import SimulatedCity
from dhishoom.web.app import create_app
from dhishoom.wiring import open_store, simulated_streets, site_of
from tests.cli.conftest import Run

SECONDS = 84
APART_S = 1.0
FAR_M = 25.0


@dataclass(frozen=True, slots=True)
class Evening:
    """Two rounds of the demo, as the API tells them."""

    truth: tuple[Happening, ...]
    begun_ns: int
    source: SimulatedCity
    incidents: list[Json]
    detections: list[Json]
    site: Json
    health: Json

    def told(self, shots: Happening) -> list[Json]:
        """Incidents at the time of these shots."""
        first = self.begun_ns + round(shots.times_s[0] * NS_PER_S)
        return [one for one in self.incidents if abs(from_rfc3339(one["time"]) - first) < APART_S * NS_PER_S]

    def away_m(self, incident: Json, shots: Happening) -> tuple[float, float]:
        """How far it was told from where it was: east and north."""
        origin = self.source.site().origin
        assert origin is not None
        told = to_local(origin, incident["position"]["lat"], incident["position"]["lon"])
        return told.x_m - shots.position.x_m, told.y_m - shots.position.y_m


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    """Played as fast as it can be, through bus, listening, store and association; asked for by HTTP."""
    folder = tmp_path_factory.mktemp("demo")
    settings = Settings(
        simulation=SimulationSettings(seed=1, realtime=False),
        store=StoreSettings(folder=str(folder), keep="detections"),
    )
    source = SimulatedCity(demo_scenario(seconds=SECONDS), seed=1, realtime=False)
    feeds = [Feed(name="simulated city", source=source, patient=True)]
    store = open_store(settings.store)
    running = assemble(settings, site_of(settings), feeds, store)
    running.service.start()
    assert running.service.wait(300)
    health = running.health.health
    streets = simulated_streets(feeds)
    app = create_app(store, running.site, running.live, running.health.sensors, health=health, streets=streets)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield Evening(
            source.truth(SECONDS),
            source.start_ns,
            source,
            client.get("/api/v1/incidents?limit=500").json()["items"],
            client.get("/api/v1/detections?limit=500").json()["items"],
            client.get("/api/v1/site").json(),
            client.get("/api/v1/health").json(),
        )
    store.close()


def test_every_shot_becomes_one_located_incident_with_its_rounds(evening: Evening) -> None:
    """Two single shots and two bursts of three: four incidents, each located, with as many rounds as were fired."""
    for shots in (one for one in evening.truth if one.rounds):
        told = evening.told(shots)
        assert [(one["status"], one["rounds"]) for one in told] == [("located", shots.rounds)]


def test_places_lie_where_the_shots_were(evening: Evening) -> None:
    """Within 25 m, and within their 95 % ellipse but for one of the four."""
    inside = []
    for shots in (one for one in evening.truth if one.rounds):
        incident = evening.told(shots)[0]
        east, north = evening.away_m(incident, shots)
        assert math.hypot(east, north) < FAR_M
        ellipse = incident["ellipse"]
        azimuth = math.radians(ellipse["azimuth_deg"])
        along = east * math.sin(azimuth) + north * math.cos(azimuth)
        across = east * math.cos(azimuth) - north * math.sin(azimuth)
        inside.append(math.hypot(along / ellipse["semi_major_m"], across / ellipse["semi_minor_m"]) <= 1)
    assert sum(inside) >= 3


def test_nothing_but_shots_raises_an_alarm(evening: Evening) -> None:
    """No more than one incident that no shot made, in an evening with a display, doors and hammers."""
    true = {one["id"] for shots in evening.truth if shots.rounds for one in evening.told(shots)}
    assert len(evening.incidents) - len(true) <= 1


def test_fireworks_are_rejected_by_name(evening: Evening) -> None:
    """Shells are told as fireworks more than as anything else."""
    labels = _labels_of_shells(evening)
    assert max(set(labels), key=labels.count) == "firework"


def test_few_shells_are_called_gunshots(evening: Evening) -> None:
    """Less than a fifth of what sensors tell of a display."""
    labels = _labels_of_shells(evening)
    assert labels.count("gunshot") < 0.2 * len(labels)


def _labels_of_shells(evening: Evening) -> list[str]:
    shells = [one.times_s[0] for one in evening.truth if one.kind == "firework"]
    return [
        one["label"]
        for one in evening.detections
        if any(0 < (from_rfc3339(one["time"]) - evening.begun_ns) / NS_PER_S - at < 8 for at in shells)
    ]


def test_the_page_gets_its_site_its_streets_and_its_sound(evening: Evening) -> None:
    """Twenty-four sensors in degrees, streets, no chunk lost, a clip with all that a sensor was sure of."""
    assert len(evening.site["sensors"]) == 24
    assert evening.site["kind"] == "geographic"
    assert evening.site["streets"]["features"]
    assert evening.health["chunks_total"] == 24 * 4 * SECONDS
    assert evening.health["chunks_lost"] == 0
    alone_min = card_of(DEFAULT).possible
    sure = [one for one in evening.detections if one["label"] != "gunshot" or one["score"] >= alone_min]
    assert sure
    assert [one for one in sure if not one["clip"]] == []


def test_a_port_in_use_is_told_before_anything_is_played(run: Callable[..., Run], tmp_path: Path) -> None:
    """One sentence with the port and what to do; nothing is left behind."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port: Any = taken.getsockname()[1]
        ended = run(demo, "--no-browser", "--port", port, "--data", tmp_path / "data")
    assert ended.exit_code != 0
    assert str(port) in ended.err
    assert not (tmp_path / "data").exists()
