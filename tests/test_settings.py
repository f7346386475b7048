"""dhishoom.toml: what is taken, and what is said of the rest."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhishoom.errors import SettingsError
from dhishoom.settings import BYTES_MAX, SENSORS_MAX, Settings, parse_settings, read_settings

SENSOR = '[[sensor]]\nid = "{}"\n'


def refusal(text: str, **environment: str) -> str:
    """Why a text is refused."""
    with pytest.raises(SettingsError) as told:
        parse_settings(text, environment=environment)
    return str(told.value)


def test_an_empty_file_is_all_defaults() -> None:
    """They are those of docs/settings.md."""
    assert parse_settings("") == Settings()


def test_texts_are_filled_from_the_environment() -> None:
    """Everywhere, several times in one text; other dollars stay."""
    text = '[site]\nname = "${CITY} and ${CITY} for $5"\n' + SENSOR.format("${ID}")

    settings = parse_settings(text, environment={"CITY": "Ulm", "ID": "s1"})

    assert settings.site.name == "Ulm and Ulm for $5"
    assert settings.sensor[0].id == "s1"


def test_a_variable_that_is_not_set_is_named() -> None:
    """And nothing else of the environment is shown."""
    told = refusal('[site]\nname = "${NOT_THERE}"\n', PASSWORD="s3cret")

    assert "NOT_THERE" in told
    assert "s3cret" not in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[stor]\n", "the file has no setting 'stor'. Did you mean store?"),
        ("[store]\nfolderr = 'x'\n", "[store] has no setting 'folderr'. Did you mean folder?"),
        ("[site.wether]\n", "[site] has no setting 'wether'. Did you mean weather?"),
        (
            "[site.weather]\ntemprature_c = 1.0\n",
            "[site.weather] has no setting 'temprature_c'. Did you mean temperature_c?",
        ),
        (SENSOR.format("a") + "latt = 1.0\n", "[sensor] has no setting 'latt'. Did you mean lat?"),
        ("[web]\nzzz = 1\n", "[web] has no setting 'zzz'. There are: host, hosts, port."),
    ],
)
def test_a_misspelt_name_is_told_the_nearest(text: str, words: str) -> None:
    """With its table; where nothing is near, with what there is."""
    assert words in refusal(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[web]\nport = 'x'\n", "`web.port`"),
        ("[web]\nport = 70000\n", "web.port 70000 is no port"),
        ("[store]\nkeep = 'shot'\n", "store.keep"),
        ("[store]\ndays = 0\n", "store.days is 0; give more than 0"),
        ("[store]\ngigabytes = -1\n", "store.gigabytes is -1"),
        ("[store]\nfree_megabytes = -1\n", "store.free_megabytes is negative"),
        ("[model]\npossible = 1.5\n", "model.possible 1.5 is no probability"),
        ("[limits]\nmessages_max = 0\n", "limits.messages_max"),
        ("[limits]\nlateness_s = 0\n", "limits.lateness_s"),
        ("[replay]\npath = 'x'\n[simulation]\n", "exclude each other"),
        ("[replay]\n", "path"),
        (SENSOR.format("a") * 2, "two sensors have the id ['a']"),
        (SENSOR.format(""), "a sensor has an empty id"),
        (SENSOR.format("a") + "lat = 1.0\n", "one of lat and lon; give both"),
        (SENSOR.format("a") + "x = 1.0\n", "one of x and y; give both"),
        (SENSOR.format("a") + "x = 1\ny = 1\nlat = 1\nlon = 1\n", "degrees and metres; keep one"),
        (SENSOR.format("a") + "clock_sigma_s = -1\n", "clock_sigma_s must be 0 to 60"),
        ("[[sensor]]\n", "id"),
        ("[store]\ngigabytes = inf\n", "has inf where a number must stand"),
        ("[site.weather]\ntemperature_c = nan\n", "has nan where a number must stand"),
        ("a = ", "is no TOML"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_key(text: str, words: str) -> None:
    """In one sentence that names the file, the key, and what to write."""
    told = refusal(text)

    assert words in told
    assert told.startswith("dhishoom.toml")


def test_very_many_sensors_are_refused_at_once() -> None:
    """Without comparing each with each."""
    assert str(SENSORS_MAX) in refusal("".join(SENSOR.format(number) for number in range(SENSORS_MAX + 1)))


@pytest.mark.parametrize(
    ("body", "words"), [(b"\xff\xfe\x00", "UTF-8"), (b"#" * (BYTES_MAX + 1), "that is no dhishoom.toml")]
)
def test_a_file_that_is_no_settings_is_refused(tmp_path: Path, body: bytes, words: str) -> None:
    """Binary, or far too large."""
    path = tmp_path / "dhishoom.toml"
    path.write_bytes(body)

    with pytest.raises(SettingsError, match=re.escape(words)):
        read_settings(path)


def test_a_file_that_is_not_there_says_what_writes_one(tmp_path: Path) -> None:
    """A folder of that name is told apart."""
    with pytest.raises(SettingsError, match="dhishoom init"):
        read_settings(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="cannot read"):
        read_settings(tmp_path)


VALUES = st.recursive(
    st.one_of(st.integers(-5, 5), st.floats(allow_nan=True), st.booleans(), st.text("ab${}", max_size=5)),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
TABLES = ("site", "site.weather", "model", "store", "web", "limits", "replay", "bus", "alerts")
KEYS = ("name", "host", "port", "days", "keep", "path", "rate", "temperature_c", "possible", "hosts", "kind", "threads")


def toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(toml(inner) for inner in value)}]"
    return f"'{value}'" if isinstance(value, str) else repr(value)


@given(table=st.sampled_from(TABLES), key=st.sampled_from(KEYS), value=VALUES)
def test_any_value_is_taken_or_refused_in_words(table: str, key: str, value: object) -> None:
    """Nothing but settings or a SettingsError comes of it."""
    with contextlib.suppress(SettingsError):
        assert isinstance(parse_settings(f"[{table}]\n{key} = {toml(value)}\n", environment={}), Settings)
