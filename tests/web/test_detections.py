"""Detections, rejections and clips."""

from __future__ import annotations

import io

import pytest
import soundfile
from fastapi.testclient import TestClient

from tests.web.fake import FakeCity


def test_rejections_are_told_with_what_they_were_taken_for(client: TestClient, city: FakeCity) -> None:
    """`rejected=true` leaves gunshots out, `rejected=false` leaves only them, a label asks for itself."""
    city.shoot(heard_by=3)
    city.reject("fireworks", 100, 100, heard_by=5)
    city.reject("door", -100, 100, heard_by=2)

    def labels(query: str) -> list[str]:
        return sorted(item["label"] for item in client.get(f"/api/v1/detections?{query}").json()["items"])

    assert labels("rejected=true") == ["door"] * 2 + ["fireworks"] * 5
    assert labels("rejected=false") == ["gunshot"] * 3
    assert labels("label=door&label=gunshot") == ["door"] * 2 + ["gunshot"] * 3
    assert labels("rejected=true&limit=1") in (["door"], ["fireworks"])


def clip_of(city: FakeCity, client: TestClient) -> tuple[str, bytes]:
    """Where the clip of a fresh shot is, and all of it."""
    url = f"/api/v1/detections/{city.shoot().shots[0].detection_ids[0]}/clip"
    return url, client.get(url).content


def test_a_clip_is_flac(client: TestClient, city: FakeCity) -> None:
    """What comes decodes to two and a half seconds of sound."""
    url, body = clip_of(city, client)
    samples, rate = soundfile.read(io.BytesIO(body))
    assert client.get(url).headers["content-type"] == "audio/flac"
    assert len(samples) / rate == 2.5


@pytest.mark.parametrize(
    ("asked", "first", "last"), [("bytes=0-99", 0, 99), ("bytes=100-", 100, None), ("bytes=-50", -50, None)]
)
def test_a_range_gets_those_bytes(client: TestClient, city: FakeCity, asked: str, first: int, last: int | None) -> None:
    """206 with exactly the bytes asked for, and which they are."""
    url, body = clip_of(city, client)
    answer = client.get(url, headers={"Range": asked})
    expected = body[first : None if last is None else last + 1]
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["content-range"].endswith(f"/{len(body)}")


@pytest.mark.parametrize("asked", ["bytes=0-1,5-9", "lines=1-2", "bytes=-", "bytes=a-b"])
def test_a_range_not_understood_gets_the_whole(client: TestClient, city: FakeCity, asked: str) -> None:
    """Several ranges, other units and nonsense are answered with everything, as RFC 9110 allows."""
    url, body = clip_of(city, client)
    answer = client.get(url, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, body)


def test_a_range_beyond_the_end_is_refused(client: TestClient, city: FakeCity) -> None:
    """416 tells how long the clip is."""
    url, body = clip_of(city, client)
    answer = client.get(url, headers={"Range": f"bytes={len(body)}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(body)}"


def test_a_clip_that_retention_removed_says_so(client: TestClient, city: FakeCity) -> None:
    """The store's own words reach the reader, without a traceback."""
    url, _ = clip_of(city, client)
    city.store._clips.clear()
    answer = client.get(url)
    assert answer.status_code == 503
    assert "retention" in answer.json()["error"]
    assert client.get("/api/v1/detections/nothing/clip").status_code == 404
