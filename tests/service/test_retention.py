"""What is removed when the disk fills, and what never is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dhishoom.nouns import NS_PER_S
from dhishoom.service.retention import Retention, retain
from dhishoom.stores.memory import MemoryStore
from tests.contracts.examples import NOON_NS, a_chunk, a_detection, a_review, an_incident

DAY_NS = 24 * 3600 * NS_PER_S


class SmallDisk(MemoryStore):
    """A store on a disk of so many bytes."""

    def __init__(self, disk_bytes: int) -> None:
        super().__init__()
        self._disk_bytes = disk_bytes

    def free_bytes(self) -> int:
        """What the clips leave of it."""
        return self._disk_bytes - self.clip_bytes()


def filled(store: MemoryStore, days: int, confirmed: set[int] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """One clip a day, each of an incident of its own; some are confirmed."""
    clips = []
    for day in range(days):
        start_ns = NOON_NS + day * DAY_NS
        clips.append(store.keep_clip(a_chunk(start_ns=start_ns, seed=day)))
        store.put_detections([a_detection(f"d{day}", onset_ns=start_ns, clip=clips[-1])])
        store.put_incidents([an_incident(f"i{day}", time_ns=start_ns, hears=(f"d{day}",))])
        if day in confirmed:
            store.put_review(a_review(f"i{day}"))
    return clips


def left(store: MemoryStore) -> list[int]:
    """Days whose clip is still there."""
    return sorted(int(one.detection_id[1:]) for one in store.detections() if one.clip)


def test_clips_go_after_so_many_days() -> None:
    """Ten days of clips, three to be kept."""
    store = MemoryStore()
    filled(store, 10)

    removed = retain(store, Retention(days=3.0, bytes_max=None), now_ns=NOON_NS + 9 * DAY_NS)

    assert removed == 6
    assert left(store) == [6, 7, 8, 9]


def test_the_oldest_go_when_there_are_too_many_bytes() -> None:
    """Down to what is allowed and no further."""
    store = MemoryStore()
    filled(store, 6)
    third = store.clip_bytes() // 2

    retain(store, Retention(days=None, bytes_max=third), now_ns=NOON_NS)

    assert store.clip_bytes() <= third
    assert left(store) == [3, 4, 5]


def test_a_full_disk_makes_room() -> None:
    """Below the floor of free space, the oldest go until it is free again."""
    store = SmallDisk(10_000_000)
    filled(store, 4)
    store._disk_bytes = store.clip_bytes() - 1

    retain(store, Retention(days=None, bytes_max=None), now_ns=NOON_NS)

    assert left(store) == [1, 2, 3]


@given(days=st.integers(0, 8), confirmed=st.sets(st.integers(0, 7)), bytes_max=st.integers(0, 40_000))
def test_clips_of_confirmed_incidents_always_stay(days: int, confirmed: set[int], bytes_max: int) -> None:
    """However little is allowed; and it ends."""
    store = MemoryStore()
    filled(store, days, confirmed)

    retain(store, Retention(days=1.0, bytes_max=bytes_max), now_ns=NOON_NS + 100 * DAY_NS)

    assert left(store) == sorted(day for day in confirmed if day < days)
