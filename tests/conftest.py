"""Fixtures for every test: where the published recordings are, if they are here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.parts.fixtures import camera, fresh, hdfs, kafka, mosquitto, postgres, s3

__all__ = ["camera", "fresh", "hdfs", "kafka", "mosquitto", "postgres", "s3"]
# A slow machine is no failure, and a suite that passed passes again; HYPOTHESIS_PROFILE=wander looks further.
settings.register_profile("patient", deadline=None, derandomize=True)
settings.register_profile("wander", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "patient"))

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of published recordings (`data/`) and comparison models (`weights/`)."""
    folder = Path(os.environ.get("DHISHOOM_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no recordings at {folder}: set DHISHOOM_SHARED to run this test")
    return folder.resolve()
