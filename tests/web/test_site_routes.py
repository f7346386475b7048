"""The site, its sensors and the service's health."""

from __future__ import annotations

from fastapi.testclient import TestClient

from tests.web.conftest import NOON_NS
from tests.web.fake import FakeCity, fake_site


def test_a_geographic_site_is_told_in_degrees(client: TestClient) -> None:
    """The page learns every sensor with its place, the streets, and that it is a simulation."""
    site = client.get("/api/v1/site").json()
    assert (site["kind"], site["simulated"], len(site["sensors"])) == ("geographic", True, 24)
    assert site["sensors"][0]["name"] == "School roof"
    assert 41.8 < site["sensors"][0]["position"]["lat"] < 41.95
    assert site["streets"]["features"][0]["geometry"]["type"] == "LineString"


def test_a_local_site_is_told_in_metres() -> None:
    """Where a site has no origin, places are metres east and north."""
    city = FakeCity(fake_site(local=True), now_ns=NOON_NS)
    site = TestClient(city.app(), base_url="http://127.0.0.1").get("/api/v1/site").json()
    assert site["kind"] == "local"
    assert set(site["sensors"][0]["position"]) == {"x", "y", "z"}


def test_sensors_are_told_with_their_state(client: TestClient, city: FakeCity) -> None:
    """A sensor that is gone says so."""
    city.states["k03"] = "gone"
    states = {sensor["id"]: sensor["state"] for sensor in client.get("/api/v1/sensors").json()["items"]}
    assert (states["k03"], states["k04"], len(states)) == ("gone", "live", 24)


def test_health_tells_lag_losses_and_version(client: TestClient) -> None:
    """Health carries the service's figures and the version."""
    health = client.get("/api/v1/health").json()
    assert (health["status"], health["lag"], health["chunks_lost"]) == ("ok", 0, 0)
    assert health["version"]
    assert health["time"].endswith("Z")


def test_the_description_shows_an_example_of_every_answer(client: TestClient) -> None:
    """Whoever reads the OpenAPI description sees what each GET under /api/v1 answers."""
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    assert len(paths) == 12
    for path, methods in paths.items():
        if path in ("/api/v1/events", "/api/v1/detections/{detection_id}/clip"):
            continue
        for method in methods.values():
            told = next(answer for status, answer in method["responses"].items() if status.startswith("2"))
            assert told["content"]["application/json"]["example"], path
