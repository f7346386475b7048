"""Settings for commands that speak to a bus and need no whole dhishoom.toml."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dhishoom.settings import FILE_NAME, Settings, read_settings


def bus_settings(config: Path | None, servers: str) -> Settings:
    """Those of the file, if one is named or lies here; `servers` means Kafka there."""
    path = config or Path(FILE_NAME)
    settings = read_settings(path) if config is not None or path.is_file() else Settings()
    if servers:
        bus = msgspec.structs.replace(settings.bus, kind="kafka", servers=servers)
        settings = msgspec.structs.replace(settings, bus=bus)
    return settings


def base_of(config: Path | None) -> Path:
    """What paths in the settings are relative to."""
    return (config or Path(FILE_NAME)).parent
