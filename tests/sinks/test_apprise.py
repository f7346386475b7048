"""Apprise, by its plainest service: JSON over HTTP."""

from __future__ import annotations

import builtins
import json
from typing import Any

import pytest

from dhishoom.errors import SettingsError, SinkError
from dhishoom.nouns import Alert
from dhishoom.sinks.apprise import AppriseSink
from tests.contracts.other_sides import receiving


def test_title_text_link_and_level_are_handed_over(alerts: dict[str, Alert]) -> None:
    """Whatever service shows them."""
    with receiving() as server:
        AppriseSink(f"json://127.0.0.1:{server.server_port}/").deliver(alerts["cancel"])
        told = json.loads(server.posts[0][1])
    assert (told["title"], told["type"]) == ("Cancelled", "info")
    assert alerts["cancel"].text in told["message"]
    assert alerts["cancel"].link in told["message"]


def test_a_failure_is_told_in_apprises_words(alerts: dict[str, Alert]) -> None:
    """The status of the service is in them."""
    with receiving(503) as server, pytest.raises(SinkError, match="503") as caught:
        AppriseSink(f"json://127.0.0.1:{server.server_port}/").deliver(alerts["new"])
    assert caught.value.retry


def test_an_address_that_apprise_does_not_know_is_an_error_at_start() -> None:
    """Its kind is named and the rest, which may be a secret, is not."""
    with pytest.raises(SettingsError, match="'nosuch'") as caught:
        AppriseSink("nosuch://token@example.org")
    assert "token" not in str(caught.value)


def test_without_the_library_the_command_that_brings_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "apprise":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SettingsError, match=r"pip install 'dhishoom\[apprise\]'"):
        AppriseSink("json://127.0.0.1/")
