"""`dhishoom sink`: who is told, and whether telling them works."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dhishoom.cli.sink import list_sinks, try_sink

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SETTINGS = f"""
[[sensor]]
id = "a"
x = 0.0
y = 0.0
[[sensor]]
id = "b"
x = 100.0
y = 0.0
[[rule]]
name = "all"
sinks = ["screen", "hook"]
escalate_after_s = 60
escalate_to = ["gateway"]
[[sink]]
name = "screen"
kind = "console"
[[sink]]
name = "hook"
kind = "webhook"
url = "https://user:word@127.0.0.1:9/token"
secret = "{SECRET}"
[[sink]]
name = "gateway"
kind = "cap"
folder = "cap"
sender = "alerts@example.org"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings with three sinks."""
    path = tmp_path / "dhishoom.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    return path


def test_sinks_are_listed_with_the_rules_that_tell_them(run, config: Path) -> None:
    """Where alerts go, without a secret."""
    result = run(list_sinks, "--config", config, "--json")

    told = {one["name"]: one for one in map(json.loads, result.out.splitlines())}
    assert (told["screen"]["rules"], told["gateway"]["escalated_by"]) == (["all"], ["all"])
    assert told["hook"]["to"] == "https://127.0.0.1"
    assert "word" not in result.out + run(list_sinks, "--config", config).out
    assert SECRET not in result.out


def test_without_sinks_that_is_said(run, tmp_path: Path) -> None:
    """Silence must not look like safety."""
    path = tmp_path / "dhishoom.toml"
    path.write_text("", encoding="utf-8")
    assert "nobody is told" in run(list_sinks, "--config", path).err


def test_a_test_says_of_itself_that_it_is_one(run, config: Path) -> None:
    """The first word and the status of the message; relative folders lie beside the settings."""
    result = run(try_sink, "gateway", "--config", config, "--json")

    answer = json.loads(result.out)
    assert answer["answer"].startswith("wrote ")
    (path,) = (config.parent / "cap").glob("*.xml")
    message = ElementTree.parse(path)
    names = {"c": "urn:oasis:names:tc:emergency:cap:1.2"}
    assert message.findtext("c:status", namespaces=names) == "Test"
    assert message.findtext("c:info/c:headline", "", names).startswith("TEST: ")
    assert "no shot was fired" in message.findtext("c:info/c:description", "", names)


def test_what_the_other_side_answered_is_told(run, config: Path) -> None:
    """After how long, and what."""
    result = run(try_sink, "screen", "--config", config)
    assert "TEST: 1 round at x 50 m, y 0 m" in result.err
    assert "screen took the test after" in result.err


def test_a_sink_that_fails_says_what_would_become_of_an_alert(run, config: Path) -> None:
    """With the exit code of sinks, and how to mend it."""
    result = run(try_sink, "hook", "--config", config)
    assert result.exit_code == 9
    assert "allow_private" in result.err
    assert "dead letter" in result.err


def test_a_misspelt_name_is_guessed(run, config: Path) -> None:
    """The nearest is told."""
    result = run(try_sink, "hok", "--config", config)
    assert result.exit_code == 3
    assert "Did you mean 'hook'" in result.err
