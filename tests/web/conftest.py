"""A made-up city behind the application, and a client that speaks to it from this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.web.fake import FakeCity

NOON_NS = 1_795_521_600 * 10**9
"""2026-11-24T12:00:00Z."""


@pytest.fixture
def city() -> FakeCity:
    """Twenty-four sensors at noon."""
    return FakeCity(now_ns=NOON_NS)


@pytest.fixture
def client(city: FakeCity) -> Iterator[TestClient]:
    """Requests to the city's application."""
    with TestClient(city.app(), base_url="http://127.0.0.1:8765") as client:
        yield client
