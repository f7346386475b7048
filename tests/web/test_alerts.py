"""Alerts with their deliveries, and their acknowledgement."""

from __future__ import annotations

import msgspec
import pytest
from fastapi.testclient import TestClient

from dhishoom.nouns import NS_PER_S, Alert, Incident, Letter
from tests.web.conftest import NOON_NS
from tests.web.fake import FakeCity


def post(city: FakeCity, incident: Incident, kind: str = "new", *sinks: str) -> Alert:
    """One alert to some sinks."""
    alert = Alert(
        alert_id=f"{incident.incident_id}.{kind}",
        kind=kind,  # type: ignore[arg-type]
        incident=incident,
        text="1 round at the harbour",
        created_ns=NOON_NS,
        expires_ns=NOON_NS + 3600 * NS_PER_S,
    )
    letters = [Letter(sink=sink, rule="night", alert=alert, due_ns=NOON_NS) for sink in sinks or ("desk",)]
    city.outbox.put_letters(letters)
    return alert


def test_alerts_come_newest_first_each_with_its_deliveries(client: TestClient, city: FakeCity) -> None:
    """What became of an alert at every sink, and why."""
    first, second = city.shoot(age_s=60), city.shoot(-300, 200)
    post(city, first)
    alert = post(city, second, "new", "desk", "pager")
    city.outbox.settle_letter("pager", alert.alert_id, state="dead", why="410", now_ns=NOON_NS + NS_PER_S)

    answer = client.get("/api/v1/alerts").json()

    assert [item["incident_id"] for item in answer["items"]] == [second.incident_id, first.incident_id]
    assert answer["items"][0]["text"] == "1 round at the harbour"
    told = {one["sink"]: (one["state"], one["why"]) for one in answer["items"][0]["deliveries"]}
    assert told == {"desk": ("queued", ""), "pager": ("dead", "410")}


def test_dead_letters_can_be_asked_for(client: TestClient, city: FakeCity) -> None:
    """By state and by sink, so that a monitor need not read everything."""
    alert = post(city, city.shoot(), "new", "desk", "pager")
    city.outbox.settle_letter("pager", alert.alert_id, state="dead", why="410", now_ns=NOON_NS)

    def sinks(query: str) -> list[str]:
        items = client.get(f"/api/v1/alerts?{query}").json()["items"]
        return [one["sink"] for item in items for one in item["deliveries"]]

    assert sinks("state=dead") == ["pager"]
    assert sinks("sink=desk") == ["desk"]
    assert sinks("state=delivered") == []


@pytest.mark.parametrize("query", ["state=lost", "limit=0", "limit=x"])
def test_what_cannot_be_asked_is_refused_in_words(client: TestClient, query: str) -> None:
    """As everywhere in the API."""
    answer = client.get(f"/api/v1/alerts?{query}")
    assert answer.status_code == 422
    assert query.split("=", maxsplit=1)[0] in answer.json()["error"]


def test_an_acknowledgement_is_kept_and_every_page_sees_it(client: TestClient, city: FakeCity) -> None:
    """The first of a person counts; the live stream tells it."""
    incident = city.shoot()
    post(city, incident)
    path = f"/api/v1/incidents/{incident.incident_id}"

    answers = [client.post(f"{path}/acknowledge", json={"by": " Desk 2 "}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    (said,) = answers[1].json()["acknowledged"]
    assert said["by"] == "Desk 2"
    assert client.get(f"{path}/alerts").json() == answers[1].json()
    assert client.get("/api/v1/alerts").json()["acknowledged"] == [said]
    told = [msgspec.json.decode(event.body) for event in city.live.since(0) if event.kind == "alerts"]
    assert told[-1] == answers[1].json()


def test_an_incident_that_is_not_there_has_no_alerts(client: TestClient) -> None:
    """404, in words."""
    assert client.get("/api/v1/incidents/none/alerts").status_code == 404
    assert client.post("/api/v1/incidents/none/acknowledge", json={}).status_code == 404


def test_a_page_from_elsewhere_acknowledges_nothing(client: TestClient, city: FakeCity) -> None:
    """An escalation must not be stopped by a forged request."""
    incident = city.shoot()
    answer = client.post(
        f"/api/v1/incidents/{incident.incident_id}/acknowledge", json={}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403
    assert city.outbox.acknowledgements([incident.incident_id]) == []
