"""Incidents and what people say of them."""

from __future__ import annotations

import msgspec
import pytest
from fastapi.testclient import TestClient

from tests.web.fake import FakeCity


def ids(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [incident["id"] for incident in answer["items"]]


def test_incidents_come_newest_first_with_their_reviews(client: TestClient, city: FakeCity) -> None:
    """A list starts with the latest; without a verdict `review` is null."""
    old = city.shoot(age_s=60)
    new = city.shoot(-300, 200, rounds=3)
    answer = client.get("/api/v1/incidents").json()
    assert ids(answer) == [new.incident_id, old.incident_id]
    assert (answer["items"][0]["review"], answer["items"][0]["reviews"], answer["next"]) == (None, [], None)
    assert answer["items"][0]["rounds_interval"] == [2, 4]


def test_pages_join_without_gap_or_double(client: TestClient, city: FakeCity) -> None:
    """Following `next` gives every incident once, even those of the same instant."""
    all_ids = {city.shoot(number * 40.0, 0.0, age_s=float(number // 3)).incident_id for number in range(9)}
    seen: list[str] = []
    cursor = ""
    for _ in range(10):
        answer = client.get(f"/api/v1/incidents?limit=2{cursor}").json()
        seen += ids(answer)
        if answer["next"] is None:
            break
        cursor = f"&before={answer['next']}"
    assert len(seen) == len(all_ids)
    assert set(seen) == all_ids


def test_since_leaves_out_what_was_before(client: TestClient, city: FakeCity) -> None:
    """`since` takes an RFC 3339 time."""
    city.shoot(age_s=60)
    new = city.shoot(200, 100)
    assert ids(client.get("/api/v1/incidents?since=2026-11-24T11:59:30Z").json()) == [new.incident_id]
    assert ids(client.get("/api/v1/incidents?before=2026-11-24T11:59:30Z").json()) != [new.incident_id]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=many", "before=yesterday", "since=noon", f"before={'9' * 90}"]
)
def test_a_query_out_of_bounds_is_refused_in_words(client: TestClient, query: str) -> None:
    """The answer is 422 and says what is wrong."""
    answer = client.get(f"/api/v1/incidents?{query}")
    assert answer.status_code == 422
    assert set(answer.json()) == {"error"}
    assert len(answer.json()["error"]) > 20


def test_one_incident_carries_history_detections_and_clips(client: TestClient, city: FakeCity) -> None:
    """Every revision stays readable, and every detection says where its sound is."""
    incident = city.revise(city.shoot(rounds=2, heard_by=4), score=0.99)
    answer = client.get(f"/api/v1/incidents/{incident.incident_id}").json()
    assert [revision["revision"] for revision in answer["history"]] == [1, 2]
    assert len(answer["detections"]) == 8
    assert client.get(answer["detections"][0]["clip_url"]).status_code == 200


def test_a_verdict_counts_and_the_one_before_stays(client: TestClient, city: FakeCity) -> None:
    """The latest verdict is the incident's; all are listed with name, time and note."""
    path = f"/api/v1/incidents/{city.shoot().incident_id}"
    first = client.post(f"{path}/review", json={"verdict": "confirmed", "reviewer": "Desk 2", "note": "Two casings"})
    assert first.status_code == 201
    client.post(f"{path}/review", json={"verdict": "dismissed", "reviewer": "Desk 3"})
    answer = client.get(path).json()
    assert answer["review"] == "dismissed"
    assert [(said["verdict"], said["reviewer"]) for said in answer["reviews"]] == [
        ("confirmed", "Desk 2"),
        ("dismissed", "Desk 3"),
    ]
    assert answer["reviews"][0]["note"] == "Two casings"


def test_a_verdict_reaches_every_open_page(client: TestClient, city: FakeCity) -> None:
    """The live stream carries the incident with its new verdict."""
    incident = city.shoot()
    client.post(f"/api/v1/incidents/{incident.incident_id}/review", json={"verdict": "confirmed"})
    event = city.live.since(city.live.last_id - 1)[0]
    told = msgspec.json.decode(event.body)
    assert (event.kind, told["id"], told["review"]) == ("incident", incident.incident_id, "confirmed")


@pytest.mark.parametrize(
    "body",
    [{"verdict": "maybe"}, {}, {"verdict": "confirmed", "note": "x" * 2001}, {"verdict": "confirmed", "by": "me"}],
)
def test_a_verdict_that_is_none_is_refused(client: TestClient, city: FakeCity, body: dict[str, str]) -> None:
    """Nothing is kept, and the answer names the field."""
    path = f"/api/v1/incidents/{city.shoot().incident_id}/review"
    assert client.post(path, json=body).status_code == 422
    assert city.store.reviews() == []


def test_an_unknown_incident_is_a_404_in_json(client: TestClient) -> None:
    """Reading and reviewing what is not there says so."""
    for answer in (
        client.get("/api/v1/incidents/0000"),
        client.post("/api/v1/incidents/0000/review", json={"verdict": "confirmed"}),
    ):
        assert answer.status_code == 404
        assert "0000" in answer.json()["error"]
