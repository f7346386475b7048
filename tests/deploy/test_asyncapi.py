"""deploy/asyncapi.yaml says of messages what they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

pytest.importorskip("pyarrow")

from dhishoom import seams
from dhishoom.buses.audio_message import chunk_to_message
from dhishoom.buses.memory import MemoryBus
from dhishoom.detectors.energy import EnergyDetector
from dhishoom.messages import candidate_to_json, detection_from_json, event_headers, incident_to_json
from dhishoom.seams import AUDIO_TOPIC, DEAD_TOPIC, DETECTIONS_TOPIC, Delivery
from dhishoom.service.pipeline import Pipeline
from dhishoom.spark.hearing import PartitionHearing
from dhishoom.spark.ledger import Ledger
from dhishoom.stores.ancestor_log import AncestorLog
from dhishoom.stores.memory import MemoryStore
from dhishoom.stores.parquet_log import ParquetLog
from dhishoom.stores.places import open_place
from tests.parts.city_workers import city

PATH = Path(__file__).parents[2] / "deploy" / "asyncapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))


def references(value: Any) -> Iterator[str]:
    """Every `$ref` in it."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def at(reference: str) -> Any:
    """What a reference names."""
    found: Any = DOCUMENT
    for name in reference.removeprefix("#/").split("/"):
        found = found[name]
    return found


def check(message: str, part: str, value: Any) -> None:
    """Hold a value against the headers or the payload of a message."""
    schema = {**DOCUMENT["components"]["messages"][message][part], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(value)


def told(folder: Path) -> MemoryBus:
    """A city of bangs and some poison, heard and told."""
    bus, store, source = MemoryBus(10_000), MemoryStore(), city()
    hearing = PartitionHearing(source.site(), EnergyDetector(), "shots", store.keep_clip, {})
    deliveries = []
    for offset, chunk in enumerate(source.chunks()):
        value, headers = chunk_to_message(chunk)
        deliveries.append(delivery(offset, chunk.sensor_id, value, headers, chunk.end_ns))
    deliveries.append(delivery(len(deliveries), "s01", b"\x80\x04pickled", {}, 0))
    log, csv = ParquetLog(open_place(str(folder / "log"))), AncestorLog(folder / "log.csv")
    Ledger("run", log, csv, store, bus).put(0, hearing.hear(deliveries))
    return bus


def delivery(offset: int, key: str, value: bytes, headers: Mapping[str, str], timestamp_ns: int) -> Delivery:
    """As it came off a bus."""
    return Delivery(
        topic=AUDIO_TOPIC,
        key=key,
        value=value,
        headers=headers,
        timestamp_ns=timestamp_ns,
        partition=0,
        offset=offset,
    )


def test_it_is_an_asyncapi_3_document_whose_references_lead_somewhere() -> None:
    """Channels have addresses and messages, operations have channels, schemas are schemas."""
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for reference in references(DOCUMENT):
        assert isinstance(at(reference), dict), reference
    for channel in DOCUMENT["channels"].values():
        assert channel["address"]
        assert all(at(one["$ref"])["payload"] for one in channel["messages"].values())
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in ("send", "receive")
        assert operation["channel"]["$ref"].startswith("#/channels/")
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_topics_are_those_of_the_code() -> None:
    """By name."""
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}

    assert {seams.AUDIO_TOPIC, seams.DETECTIONS_TOPIC, seams.INCIDENTS_TOPIC, seams.DEAD_TOPIC} < addresses


def test_sound_is_as_it_says() -> None:
    """In all three forms."""
    chunk = next(city().chunks())
    for form in ("npy", "flac", "wav"):
        check("sound", "headers", chunk_to_message(chunk, form).headers)  # type: ignore[arg-type]


def test_a_candidate_is_as_it_says(tmp_path: Path) -> None:
    """Like the detections that a city tells, but for its type; and it has no clip."""
    messages = told(tmp_path).poll(DETECTIONS_TOPIC, messages_max=9999, wait_s=0)
    found = next(one for one in messages if one.headers["ce_type"] == "dhishoom.detection.v1")
    detection = replace(detection_from_json(json.loads(found.value)), clip=None)
    check("candidate", "payload", candidate_to_json(detection))
    check("candidate", "headers", event_headers("candidate", "/sensors/s1", detection.detection_id))
    with pytest.raises(jsonschema.ValidationError):
        check("detection", "payload", candidate_to_json(detection))


def test_detections_promises_and_dead_letters_are_as_it_says(tmp_path: Path) -> None:
    """Those that a city really tells, headers and payload."""
    bus = told(tmp_path)
    messages = bus.poll(DETECTIONS_TOPIC, messages_max=9999, wait_s=0)
    kinds = {"dhishoom.detection.v1": "detection", "dhishoom.heard.v1": "heard"}

    assert {one.headers["ce_type"] for one in messages} == kinds.keys()
    for one in messages:
        check(kinds[one.headers["ce_type"]], "headers", dict(one.headers))
        check(kinds[one.headers["ce_type"]], "payload", json.loads(one.value))
    (letter,) = bus.poll(DEAD_TOPIC, messages_max=99, wait_s=0)
    check("deadLetter", "headers", dict(letter.headers))


def test_incidents_are_as_it_says() -> None:
    """Those that one machine makes of the same city."""
    source, store = city(), MemoryStore()
    pipeline = Pipeline(source.site(), EnergyDetector(), store)
    for chunk in source.chunks():
        pipeline.take([chunk])
    pipeline.finish()

    assert store.incidents()
    for incident in store.incidents():
        check("incident", "payload", json.loads(json.dumps(incident_to_json(incident))))


def test_what_is_not_as_it_says_is_refused() -> None:
    """So that the other claims mean something."""
    with pytest.raises(jsonschema.ValidationError):
        check("detection", "payload", {"type": "detection"})
