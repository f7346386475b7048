"""Who is answered, and what every answer carries."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from dhishoom.web.guard import is_loopback
from tests.web.fake import FakeCity


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:80", "localhost:8765", "[::1]:8765", "LOCALHOST"])
def test_names_of_this_machine_are_answered(client: TestClient, host: str) -> None:
    """Every loopback name, with or without a port."""
    assert client.get("/api/v1/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.5", "", "[", "localhost.evil.example"]
)
def test_foreign_names_are_refused(client: TestClient, host: str) -> None:
    """A page that points its own name at this machine gets nothing (DNS rebinding)."""
    answer = client.get("/api/v1/incidents", headers={"Host": host})
    assert answer.status_code == 421
    assert "web.hosts" in answer.json()["error"]


def test_a_configured_name_is_answered(city: FakeCity) -> None:
    """Whoever serves the page under a name of their own adds it."""
    client = TestClient(city.app(hosts=["Desk.example"]), base_url="http://desk.example")
    assert client.get("/api/v1/health").status_code == 200


def test_another_site_may_not_change_anything(client: TestClient, city: FakeCity) -> None:
    """A verdict posted from a foreign page is refused; one from the page itself is kept."""
    path = f"/api/v1/incidents/{city.shoot().incident_id}/review"
    verdict = {"verdict": "dismissed"}
    assert client.post(path, json=verdict, headers={"Origin": "https://evil.example"}).status_code == 403
    assert city.store.reviews() == []
    assert client.post(path, json=verdict, headers={"Origin": "http://127.0.0.1:8765"}).status_code == 201


@pytest.mark.parametrize("path", ["/", "/api/v1/site", "/api/v1/nothing"])
def test_every_answer_forbids_what_the_page_does_not_need(client: TestClient, path: str) -> None:
    """No script, style or picture but the page's own; nobody may frame it."""
    headers = client.get(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_loopback_is_this_machine_alone() -> None:
    """Only addresses of 127.0.0.0/8, ::1 and localhost count."""
    assert is_loopback("127.9.9.9")
    assert is_loopback("::1")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("example.org")
