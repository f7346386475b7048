"""`dhishoom consume`: what arrives on a topic, as it arrives."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from dhishoom.bus_wiring import reader_of
from dhishoom.cli import output
from dhishoom.cli.bus_options import base_of, bus_settings
from dhishoom.cli.ending import asked_to_end
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.errors import BusError, NounError
from dhishoom.seams import AUDIO_TOPIC, DEAD_TOPIC, DETECTIONS_TOPIC, INCIDENTS_TOPIC
from dhishoom.wiring import AudioCodec, site_of

if TYPE_CHECKING:
    from dhishoom.messages import Json
    from dhishoom.seams import Delivery

TOPICS = {"audio": AUDIO_TOPIC, "detections": DETECTIONS_TOPIC, "incidents": INCIDENTS_TOPIC, "dead": DEAD_TOPIC}
MESSAGES_MAX = 100
POLL_S = 0.2


def consume(
    topic: Annotated[
        Literal["audio", "detections", "incidents", "dead"], typer.Option(help="What to print.")
    ] = "audio",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Also what is there already.")] = False,
    count: Annotated[int | None, typer.Option(help="Stop after so many.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long; else with Ctrl-C.")] = None,
    servers: Annotated[str, typer.Option(help="Kafka's host:port; else bus.servers.")] = "",
    config: Annotated[Path | None, typer.Option(help="The settings; else dhishoom.toml, if it is here.")] = None,
) -> None:
    """Print what arrives on a topic of Kafka. Nothing is taken away from those who work on it."""
    settings = bus_settings(config, servers)
    codec, stop, printed = AudioCodec(site_of(settings)), threading.Event(), 0
    reader = reader_of(settings, base_of(config))(TOPICS[topic], "earliest" if from_beginning else "latest")
    output.say(f"{TOPICS[topic]} of {settings.bus.servers}. Ctrl-C stops.")
    with asked_to_end(seconds, stop.set):
        while not stop.is_set() and (count is None or printed < count):
            room = MESSAGES_MAX if count is None else min(MESSAGES_MAX, count - printed)
            for delivery in reader.poll(messages_max=room, wait_s=POLL_S):
                message = told(topic, delivery, codec)
                output.print_json(message) if as_json else output.print_result(line_of(message))
                printed += 1
    reader.close()


def told(topic: str, delivery: Delivery, codec: AudioCodec) -> Json:
    """A message as it is printed."""
    place = {"topic": delivery.topic, "partition": delivery.partition, "offset": delivery.offset}
    if topic == "dead":
        reason = delivery.headers.get("dhishoom_reason", "")
        return {"type": "dead", "key": delivery.key, "reason": reason, "bytes": len(delivery.value), **place}
    try:
        if topic == "audio":
            return {**_audio(delivery, codec), **place}
        message: Json = json.loads(delivery.value)
        return message
    except (BusError, NounError, ValueError) as error:
        return {"type": "unreadable", "key": delivery.key, "reason": str(error), "bytes": len(delivery.value), **place}


def _audio(delivery: Delivery, codec: AudioCodec) -> Json:
    chunk = codec.decode(delivery)
    return {
        "type": "audio",
        "sensor_id": chunk.sensor_id,
        "time": to_rfc3339(chunk.start_ns),
        "duration_s": round(chunk.duration_s, 6),
        "sample_rate": chunk.sample_rate,
        "bytes": len(delivery.value),
        "content_type": delivery.headers.get("content-type", ""),
    }


def line_of(message: Json) -> str:
    """The same for people."""
    hidden = ("topic", "classes", "shots", "ellipse", "detections", "content_type")
    shown = [f"{name}={value}" for name, value in message.items() if name not in hidden and value is not None]
    return "  ".join(shown).replace("[", r"\[")
