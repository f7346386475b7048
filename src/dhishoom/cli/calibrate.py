"""`dhishoom calibrate`: thresholds for one site, from its quiet hours and its reviewed mistakes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhishoom.cli import output
from dhishoom.detectors.catalogue import DEFAULT
from dhishoom.errors import UsageError
from dhishoom.settings import FILE_NAME

if TYPE_CHECKING:
    from dhishoom.evaluate.site import SiteSound, SiteThresholds
    from dhishoom.seams import Detector

AN_HOUR_S = 3600.0


def calibrate(
    quiet: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[QUIET...]", help="Recordings, or folders, of hours without gunfire."),
    ] = None,
    store: Annotated[Path | None, typer.Option(help="A store whose detections were reviewed.")] = None,
    model: Annotated[str, typer.Option(help="The model that the thresholds are for.")] = DEFAULT,
    per_day: Annotated[float, typer.Option(min=0.0, help="False alerts that are wished for, a sensor and day.")] = 1.0,
    write: Annotated[Path | None, typer.Option(help="Set them in this dhishoom.toml too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Set `alert` and `possible` for a site: few enough false alerts in its quiet hours, none that was dismissed."""
    from dhishoom.detectors.catalogue import open_detector
    from dhishoom.evaluate.site import thresholds_for

    detector = open_detector(model)
    sound = _sound(detector, quiet or [], store)
    found = thresholds_for(sound, detector.card, per_day / 24)
    if write is not None:
        _set(write, found)
    if as_json:
        output.print_json(_json(model, found, sound))
        return
    output.print_result(f"[model]\nalert = {found.alert:.3f}\npossible = {found.possible:.3f}")
    for line in _told(found, sound):
        output.say(line)


def _sound(detector: Detector, quiet: list[Path], store: Path | None) -> SiteSound:
    from dhishoom.evaluate.site import SiteSound
    from dhishoom.service.reviewed import reviewed

    scores, seconds = _heard(detector, quiet)
    dismissed: tuple[float, ...] = ()
    confirmed: tuple[float, ...] = ()
    if store is not None:
        from dhishoom.cli.records import opened

        with opened(store, Path(FILE_NAME)) as kept:
            dismissed, confirmed = reviewed(kept, detector.card.name)
    return SiteSound(quiet=scores, hours=seconds / AN_HOUR_S, dismissed=dismissed, confirmed=confirmed)


def _heard(detector: Detector, quiet: list[Path]) -> tuple[tuple[float, ...], float]:
    """Scores of all events, however low, and the length of the recordings in seconds."""
    from dhishoom.evaluate.hearing import hear, prepare
    from dhishoom.evaluate.recordings import Recording
    from dhishoom.sources.files import audio_files

    files = [file for path in quiet for file in audio_files(path)]
    scores: list[float] = []
    seconds = 0.0
    for file in output.progress(files, "hearing", len(files)):
        recording = Recording(key=str(file), path=file, source="site", group=str(file), label="other")
        answer = hear(prepare(recording), detector, "held out")
        scores += [event.score for event in answer.events]
        seconds += answer.sounding_s
    return tuple(scores), seconds


def _told(found: SiteThresholds, sound: SiteSound) -> list[str]:
    rate = found.false_per_hour
    lines = []
    if sound.hours > 0:
        lines.append(
            f"{rate.count} false alerts in {sound.hours:.2f} quiet hours: {24 * rate.value:.1f} a day and sensor "
            f"(95 %: {24 * rate.low:.1f} to {24 * rate.high:.1f})."
        )
    if sound.dismissed or sound.confirmed:
        lines.append(
            f"Of {len(sound.dismissed)} dismissed detections {found.dismissed_kept} would still alert, of "
            f"{len(sound.confirmed)} confirmed ones {found.confirmed_kept}."
        )
    return lines


def _json(model: str, found: SiteThresholds, sound: SiteSound) -> dict[str, object]:
    rate = found.false_per_hour
    return {
        "type": "thresholds",
        "model": model,
        "alert": found.alert,
        "possible": found.possible,
        "quiet_hours": round(sound.hours, 4),
        "false_alerts": rate.count,
        "false_per_hour": [rate.value, rate.low, rate.high] if sound.hours > 0 else None,
        "dismissed": len(sound.dismissed),
        "dismissed_still_alerting": found.dismissed_kept,
        "confirmed": len(sound.confirmed),
        "confirmed_alerting": found.confirmed_kept,
    }


def _set(file: Path, found: SiteThresholds) -> None:
    """Put both thresholds into `[model]`, leaving every other line as it is."""
    try:
        text = file.read_text(encoding="utf-8")
        file.write_text(with_thresholds(text, found.alert, found.possible), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot change {file}: {error.strerror}. Copy the lines into it by hand.") from error


def with_thresholds(text: str, alert: float, possible: float) -> str:
    """The settings with these thresholds in `[model]`; comments and everything else stay."""
    lines = text.splitlines()
    if "[model]" not in [line.strip() for line in lines]:
        lines += ["", "[model]"]
    begin = next(index for index, line in enumerate(lines) if line.strip() == "[model]")
    end = next((at for at in range(begin + 1, len(lines)) if lines[at].lstrip().startswith("[")), len(lines))
    kept = [line for line in lines[begin + 1 : end] if not re.match(r"\s*(alert|possible)\s*=", line)]
    set_to = [f"alert = {alert:.3f}", f"possible = {possible:.3f}"]
    return "\n".join([*lines[: begin + 1], *set_to, *kept, *lines[end:]]) + "\n"
