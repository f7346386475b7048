"""Fixtures for every test: where the published recordings are, if they are here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.parts.fixtures import camera, fresh, hdfs, kafka, mosquitto, postgres, s3

__all__ = ["camera", "fresh", "hdfs", "kafka", "mosquitto", "postgres", "s3"]
settings.register_profile("patient", deadline=None)  # A slow machine is no failure.
settings.load_profile("patient")

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of published recordings (`data/`) and comparison models (`weights/`)."""
    folder = Path(os.environ.get("DHISHOOM_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no recordings at {folder}: set DHISHOOM_SHARED to run this test")
    return folder.resolve()
