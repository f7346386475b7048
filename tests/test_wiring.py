"""From settings to a site whose places stay where they were."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dhishoom.core.geometry import place_of
from dhishoom.errors import SettingsError
from dhishoom.nouns import Chunk, Position, Site
from dhishoom.service.intake import Feed
from dhishoom.settings import parse_settings
from dhishoom.stores.sql import SqlStore
from dhishoom.wiring import in_frame_of, merged_site, site_of
from tests.contracts.examples import an_incident

TWO = '[[sensor]]\nid = "a"\nlat = 41.80\nlon = -87.60\n[[sensor]]\nid = "b"\nlat = 41.81\nlon = -87.61\n'
THIRD = '[[sensor]]\nid = "c"\nlat = 41.90\nlon = -87.70\n'
METRES = '[[sensor]]\nid = "a"\nx = 1\ny = 2\n'


def site(text: str) -> Site:
    """The site of a dhishoom.toml."""
    return site_of(parse_settings(text))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """An empty one."""
    made = SqlStore(f"sqlite:///{tmp_path}/dhishoom.db", tmp_path / "clips")
    yield made
    made.close()


def test_one_more_sensor_moves_no_earlier_incident(store: SqlStore) -> None:
    """Metres are counted from where they were counted when the store was new; degrees of a spot stay to 0.1 m."""
    spot = Position(x_m=120.0, y_m=-45.0)
    before = in_frame_of(site(TWO), store)
    told = place_of(before)(spot)

    after = in_frame_of(site(TWO + THIRD), store)

    assert site(TWO + THIRD).origin != before.origin
    assert after.origin == before.origin
    assert place_of(after)(spot) == told
    for name in ("a", "b"):
        here, there = before.sensors[name].position, after.sensors[name].position
        assert here is not None
        assert there is not None
        assert (here.x_m, here.y_m, here.z_m) == pytest.approx((there.x_m, there.y_m, there.z_m), abs=0.001)


def test_a_site_without_places_settles_nothing(store: SqlStore) -> None:
    """A microphone alone may get its degrees later."""
    assert in_frame_of(site('[[sensor]]\nid = "m"\n'), store).origin is None
    store.put_incidents([replace(an_incident(), position=None, status="unlocated")])

    settled = in_frame_of(site(TWO), store)

    assert settled.origin is not None
    assert settled.origin == store.origin()


def test_degrees_and_metres_do_not_mix_in_one_store(store: SqlStore) -> None:
    """Each is told with what to do."""
    in_frame_of(site(TWO), store)

    with pytest.raises(SettingsError, match=r"places in degrees, the sensors in metres; name another store\.folder"):
        in_frame_of(site(METRES), store)


def test_metres_and_degrees_do_not_mix_in_one_store(store: SqlStore) -> None:
    """The other way round."""
    assert in_frame_of(site(METRES), store).origin is None
    store.put_incidents([an_incident()])

    with pytest.raises(SettingsError, match="places in metres, the sensors in degrees"):
        in_frame_of(site(TWO), store)


class Knowing:
    """A source that knows its site."""

    def __init__(self, known: Site) -> None:
        self._known = known

    def site(self) -> Site:
        """As the recordings tell it."""
        return self._known

    def chunks(self) -> Iterator[Chunk]:
        """None."""
        yield from ()

    def close(self) -> None:
        """Nothing to free."""


def joined(settings: str, recordings: str) -> Site:
    """The site of settings and of recordings that know their own."""
    return merged_site(site(settings), [Feed(name="f", source=Knowing(site(recordings)), patient=True)])


def test_recordings_and_sensors_share_one_frame() -> None:
    """Degrees of either are measured from the settings' origin; a sensor that both know is as the settings say."""
    both = joined(TWO, THIRD + '[[sensor]]\nid = "a"\nlat = 41.95\nlon = -87.65\n')

    alone = site(TWO + THIRD)
    assert sorted(both.sensors) == ["a", "b", "c"]
    for name in "abc":
        here, there = both.sensors[name].position, alone.sensors[name].position
        assert here is not None
        assert there is not None
        assert place_of(both)(here) == pytest.approx(place_of(alone)(there), abs=1e-7)


def test_a_microphone_without_a_place_joins_any_recordings() -> None:
    """The recordings' frame is kept."""
    assert joined('[[sensor]]\nid = "m"\n', TWO).origin == site(TWO).origin
    assert joined(TWO, '[[sensor]]\nid = "m"\n').origin == site(TWO).origin


def test_recordings_in_metres_do_not_mix_with_sensors_in_degrees() -> None:
    """No distance between them is known."""
    with pytest.raises(SettingsError, match="places in metres, the sensors in degrees"):
        joined(TWO, '[[sensor]]\nid = "z"\nx = 1\ny = 2\n')
