"""What deploy/ starts exists, and is set up with settings that are read."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from dhishoom.cli import COMMANDS
from dhishoom.settings import Settings, read_settings
from dhishoom.wiring import site_of

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
UNITS = sorted(DEPLOY.glob("*.service"))
_ENVIRONMENT = re.compile(r"\$\{([A-Z0-9_]+)")


def settings() -> Settings:
    """Those of the containers, their passwords filled in."""
    names = dict.fromkeys(_ENVIRONMENT.findall((DEPLOY / "dhishoom.toml").read_text(encoding="utf-8")), "x")
    return read_settings(DEPLOY / "dhishoom.toml", names)


def test_every_part_of_a_city_is_there() -> None:
    """Under its name, of a fixed version, started again when it ends."""
    assert {"kafka", "postgres", "s3", "mosquitto", "worker", "web", "bridge", "spark"} <= SERVICES.keys()
    for name, service in SERVICES.items():
        tag = service["image"].rpartition(":")[2]
        assert service["image"].startswith("dhishoom") or re.search(r"\d", tag), name
        assert service["restart"] in ("unless-stopped", "no")


def test_services_name_only_what_there_is() -> None:
    """Other services, volumes, secrets and files."""
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", {})) <= SERVICES.keys(), name
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
        if "build" in service:
            targets = re.findall(r"^FROM .* AS (\w+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
            assert service["build"]["target"] in targets


def test_healthy_is_waited_for_only_where_health_is_checked() -> None:
    """Else nothing would ever start."""
    for service in SERVICES.values():
        for other, wanted in service.get("depends_on", {}).items():
            if wanted["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]


def test_every_password_is_asked_for() -> None:
    """Compose fails without it, and the example names it."""
    used = set(_ENVIRONMENT.findall((DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    example = {line.split("=")[0] for line in (DEPLOY / "env.example").read_text().splitlines() if "=" in line}
    given = set(SERVICES["worker"]["environment"])

    assert used == example
    assert set(_ENVIRONMENT.findall((DEPLOY / "dhishoom.toml").read_text())) <= given


def test_the_settings_are_read_and_name_the_services() -> None:
    """Every address is that of a service, at a port that it listens on."""
    read = settings()

    assert read.bus.servers == "kafka:9094"
    assert "INSIDE://kafka:9094" in SERVICES["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert read.bridge.servers == "mosquitto:1883"
    assert "@postgres/" in read.store.url
    assert SERVICES["worker"]["environment"]["AWS_ENDPOINT_URL"] == "http://s3:7070"
    assert int(SERVICES["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"]) > read.bus.message_bytes_max + 8192
    assert site_of(read).sensors


@pytest.mark.parametrize("name", ["worker", "web", "bridge", "spark"])
def test_services_run_commands_that_there_are(name: str) -> None:
    """With options that they have."""
    assert_is_command([str(word) for word in SERVICES[name]["command"]])


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_units_run_commands_that_there_are_and_may_write_nowhere_else(unit: Path) -> None:
    """As another user, started again when they fail."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit)
    service = parser["Service"]

    assert service["User"] == "dhishoom"
    assert service["ProtectSystem"] == "strict"
    assert service["Restart"] == "on-failure"
    words = shlex.split(service["ExecStart"].replace("%I", "2/4"))
    assert words[0].endswith("/dhishoom")
    assert_is_command(words[1:])


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_understands_the_units(unit: Path, tmp_path: Path) -> None:
    """As far as it can be told without the program."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    text = unit.read_text().replace("/var/lib/dhishoom/venv/bin/dhishoom", "/bin/true")
    path = tmp_path / unit.name.replace("@.", "@2-4.")
    path.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert unit.stem.rstrip("@") not in done.stderr, done.stderr


@pytest.mark.parametrize("script", sorted(DEPLOY.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_sound_shell(script: Path) -> None:
    """And name files that there are."""
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
    assert script.stat().st_mode & 0o111


def assert_is_command(words: list[str]) -> None:
    """Parsed by the command line itself, up to where it would begin to work."""
    import typer.main

    from dhishoom.cli import application

    assert words[0] in COMMANDS
    group: Any = typer.main.get_command(application(words))
    command, rest = group.commands[words[0]], words[1:]
    if hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_context(words[0], list(rest))
