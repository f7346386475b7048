"""`dhishoom listen`: what a microphone or a stream hears, as it is heard."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhishoom.cli import output
from dhishoom.cli.hearing import card_with_threshold
from dhishoom.cli.live_hearing import LiveHearing, chunks_within
from dhishoom.core.timestamps import to_rfc3339
from dhishoom.detectors.catalogue import DEFAULT, open_detector
from dhishoom.errors import SourceError, StoreError, UsageError
from dhishoom.messages import detection_to_json

if TYPE_CHECKING:
    from dhishoom.core.listening import Notice
    from dhishoom.nouns import Chunk, Detection
    from dhishoom.seams import Source
    from dhishoom.service.hearing import KeepClip

MICROPHONE = "microphone"
ADDRESSES = ("rtsp://", "rtsps://", "http://", "https://")


@dataclass(slots=True)
class Tally:
    """What was heard so far."""

    seconds: float = 0.0
    gunshots: int = 0
    interrupted: bool = False


def listen(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="rtsp:// or http(s):// address, microphone or microphone:NAME.")
    ] = MICROPHONE,
    as_json: Annotated[bool, typer.Option("--json", help="One detection a line, as JSON.")] = False,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long; else with Ctrl-C.")] = None,
    model: Annotated[str, typer.Option(help="A model's name, or a path to an .onnx file.")] = DEFAULT,
    threshold: Annotated[float | None, typer.Option(help="Least gunshot probability; else the model's own.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep each shot, and a second about it, in this folder.")] = None,
    sensor: Annotated[str, typer.Option(help="What to call the sensor in results.")] = "",
    rejected: Annotated[bool, typer.Option("--rejected", help="Tell also what was taken for something else.")] = False,
) -> None:
    """Listen to a microphone or a stream, and print what is heard.

    A stream that breaks off is opened again. Nothing is stored unless --keep names a folder, and then shots alone.
    """
    if seconds is not None and not seconds > 0:
        raise UsageError(f"--seconds {seconds:g} is no time to listen; give a number above 0, or leave it out.")
    detector = open_detector(model)
    card = card_with_threshold(detector.card, threshold)
    keep_clip = _clips(keep)
    sensor_id = sensor or (MICROPHONE if source.startswith(MICROPHONE) else "stream")
    opened = _open(source, sensor_id)
    hearing = LiveHearing(sensor_id, detector, card, keep_clip=keep_clip, tell=_tell_notice)
    output.say(f"Listening to {source}. Ctrl-C stops.")
    tally = Tally()
    try:
        for chunk in chunks_within(opened, seconds):
            tally.seconds += chunk.duration_s
            _tell(hearing.take(chunk), tally, as_json=as_json, rejected=rejected)
    except KeyboardInterrupt:
        tally.interrupted = True
    finally:
        _tell(hearing.finish(), tally, as_json=as_json, rejected=rejected)
        _sum_up(tally, opened)
    if tally.interrupted:
        raise typer.Exit(output.INTERRUPTED)
    if not tally.seconds:
        why = getattr(opened, "last_failure", "") or "nothing came in time"
        raise SourceError(f"no sound from {source}: {why}. Check it, or listen longer than {seconds or 0:g} s.")


def _open(source: str, sensor_id: str) -> Source:
    if source == MICROPHONE or source.startswith(f"{MICROPHONE}:"):
        from dhishoom.sources.microphone import MicrophoneSource

        device = source.partition(":")[2]
        return MicrophoneSource(int(device) if device.isdecimal() else device or None, sensor_id=sensor_id)
    if source.startswith(ADDRESSES):
        from dhishoom.sources.stream import StreamSource

        return StreamSource(source, sensor_id=sensor_id, tell=output.warn)
    if Path(source).exists():
        raise UsageError(f"{source} is a file or folder; try: dhishoom detect {source}")
    raise UsageError(f"{source!r} is nothing to listen to; give microphone, microphone:NAME, rtsp://... or https://...")


def _clips(folder: Path | None) -> KeepClip | None:
    """Keeps clips in a folder; where that fails, says so and listening goes on."""
    if folder is None:
        return None
    from dhishoom.stores.clips import ClipFolder

    clips = ClipFolder(folder)

    def keep(chunk: Chunk) -> str | None:
        try:
            return clips.keep(chunk).clip
        except StoreError as error:
            output.warn(str(error))
            return None

    return keep


def _tell(detections: Iterable[Detection], tally: Tally, *, as_json: bool, rejected: bool) -> None:
    for detection in detections:
        tally.gunshots += detection.is_gunshot
        if not detection.is_gunshot and not rejected:
            continue
        if as_json:
            output.print_json(detection_to_json(detection))
        else:
            output.print_result(_line(detection))


def _line(detection: Detection) -> str:
    score = detection.score if detection.is_gunshot else detection.classes.get(detection.label, 0.0)
    words = f"{to_rfc3339(detection.onset_ns)}  {detection.label} {score:.2f}, {detection.snr_db:.0f} dB over the noise"
    return words + (f", kept as {detection.clip}" if detection.clip else "")


def _tell_notice(notice: Notice) -> None:
    output.warn(f"{to_rfc3339(notice.time_ns)}: {notice.detail}.")


def _sum_up(tally: Tally, source: Source) -> None:
    lost = getattr(source, "blocks_lost", 0)
    if lost:
        output.warn(f"{lost} blocks of sound were lost: this computer is too slow for the model. Choose a smaller one.")
    with contextlib.suppress(BrokenPipeError):
        output.say(f"Heard {tally.seconds:.1f} s of sound, {tally.gunshots} gunshots in it.")
