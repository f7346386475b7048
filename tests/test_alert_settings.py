"""`[alerts]`, `[[rule]]` and `[[sink]]`: what they become, and what is refused with the words that mend it."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest

from dhishoom.alert_wiring import open_alerts, open_sink, rules_of, sink_named, wording_of
from dhishoom.errors import SettingsError
from dhishoom.nouns import Site
from dhishoom.service.rules import Hours
from dhishoom.settings import Settings, parse_settings
from dhishoom.stores.memory import MemoryStore
from dhishoom.wiring import site_of

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WHOLE = """
[site.origin]
lat = 52.5
lon = 13.4
[alerts]
timezone = "Europe/Berlin"
link = "https://shots.example.org"
[[rule]]
name = "night"
sinks = ["desk"]
score_min = 0.9
sensors_min = 4
area = [[52.49, 13.39], [52.49, 13.41], [52.51, 13.41]]
hours = "22:00-06:00"
cooldown_s = 60
escalate_after_s = 120
escalate_to = ["chief"]
[[sink]]
name = "desk"
kind = "webhook"
url = "https://desk.example.org/hook"
secret = "${HOOK}"
heartbeat_s = 60
[[sink]]
name = "chief"
kind = "email"
host = "mail.example.org"
sender = "a@example.org"
recipients = ["b@example.org"]
password = "${HOOK}"
user = "a"
"""
CONSOLE = '[[sink]]\nname = "desk"\nkind = "console"\n'


def settings_of(text: str) -> Settings:
    """With one secret in the environment."""
    return parse_settings(text, environment={"HOOK": SECRET})


def test_a_whole_file_becomes_rules_and_sinks() -> None:
    """Degrees become metres of the site's frame, hours are the site's own, every sink opens and sends nothing yet."""
    settings = settings_of(WHOLE)
    site = site_of(settings)
    (rule,) = rules_of(settings, site)

    assert (rule.sinks, rule.escalate_to, rule.escalate_after_s) == (("desk",), ("chief",), 120.0)
    assert rule.hours == Hours(begin=time(22), end=time(6), timezone="Europe/Berlin")
    assert [round(corner.y_m, -2) for corner in rule.area] == [-1100.0, -1100.0, 1100.0]
    assert [open_sink(one, site) is not None for one in settings.sink] == [True, True]
    assert open_alerts(settings, site, MemoryStore(), lambda *_: None) is not None


def test_without_rules_every_sink_is_told() -> None:
    """The least that is worth writing: one sink."""
    settings = settings_of(CONSOLE)
    (rule,) = rules_of(settings, Site())
    assert (rule.sinks, rule.hours, rule.escalate_after_s) == (("desk",), None, None)


def test_without_sinks_nobody_is_told() -> None:
    """And nothing runs."""
    assert open_alerts(settings_of(""), Site(), MemoryStore(), lambda *_: None) is None


def test_a_simulation_is_never_meant() -> None:
    """Its alerts are exercises; those of an operator's trial are what the settings say."""
    simulated = settings_of(f"[simulation]\nseed = 1\n{CONSOLE}")
    tried = settings_of(f'[alerts]\nmeant = "Test"\n{CONSOLE}')
    assert wording_of(simulated, Site(), Path(), "").meant == "Exercise"
    assert wording_of(tried, Site(), Path(), "http://127.0.0.1:1").meant == "Test"
    assert wording_of(tried, Site(), Path(), "http://127.0.0.1:1").link_base == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("Europe/Berlin", "Europa/Berlin", "timezone"),
        ("22:00-06:00", "10 pm to 6", "like 22:00-06:00"),
        ("score_min = 0.9", "score_min = 90", "probability"),
        ("score_min = 0.9", "score_min = nan", "probability"),
        ("score_min", "scoremin", "Did you mean score_min"),
        ('["desk"]', '["dest"]', "Did you mean 'desk'"),
        ('["chief"]', '["desk"]', "at once and by escalation"),
        ("escalate_after_s = 120", "", "give both or none"),
        ("escalate_after_s = 120", "escalate_after_s = 7200", "less than expire_s"),
        ("[52.51, 13.41]]", "]", "three corners"),
        ('name = "chief"', 'name = "desk"', "two sinks"),
        ('kind = "email"', 'kind = "pigeon"', "pigeon"),
        ('host = "mail.example.org"', "", "needs host"),
        ('host = "mail.example.org"', 'host = "x"\nurl = "y"', "has no url"),
        ("heartbeat_s = 60", "heartbeat_s = 0.1", "heartbeat_s"),
        ("heartbeat_s = 60", "timeout_s = inf", "timeout_s"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_words(before: str, after: str, words: str) -> None:
    """When the file is read, not when the first shot is fired."""
    assert before in WHOLE
    with pytest.raises(SettingsError, match=words):
        settings_of(WHOLE.replace(before, after, 1))


def test_a_rule_without_a_sink_is_refused() -> None:
    """It would look like an alarm and be none."""
    with pytest.raises(SettingsError, match="nobody to tell"):
        settings_of("[[rule]]\nscore_min = 0.9\n")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("whsec_", "", "'desk'.*whsec_"),
        ("https://desk", "http://desk", "'desk'.*not encrypted"),
        ("[52.49, 13.39]", "[13.39, 152.49]", "area.*from the site's origin"),
    ],
)
def test_what_only_opening_shows_names_the_sink_or_rule(before: str, after: str, words: str) -> None:
    """The reason and whose it is."""
    text = WHOLE.replace("${HOOK}", SECRET).replace(before, after, 1)
    settings = parse_settings(text)
    with pytest.raises(SettingsError, match=words):
        open_alerts(settings, site_of(settings), MemoryStore(), lambda *_: None)


def test_a_sink_is_found_by_name_or_the_nearest_told() -> None:
    """For `dhishoom sink test`."""
    settings = settings_of(WHOLE)
    assert sink_named(settings, "chief").kind == "email"
    with pytest.raises(SettingsError, match="Did you mean 'chief'"):
        sink_named(settings, "chef")


def test_areas_of_a_local_site_are_metres() -> None:
    """East and north of its origin, as everywhere."""
    settings = settings_of(f"{CONSOLE}[[rule]]\narea = [[0, 0], [100, 0], [0, 50]]\n")
    (rule,) = rules_of(settings, replace(Site(), origin=None))
    assert [(corner.x_m, corner.y_m) for corner in rule.area] == [(0, 0), (100, 0), (0, 50)]
