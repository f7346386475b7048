"""Hearing in batches, from tails, tells what one machine tells that has always been there."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dhishoom.buses.audio_message import chunk_to_message
from dhishoom.detectors.energy import EnergyDetector
from dhishoom.nouns import NS_PER_S, Chunk, Detection
from dhishoom.seams import AUDIO_TOPIC, Delivery
from dhishoom.spark.hearing import PartitionHearing
from dhishoom.spark.outcome import CLIP, DEAD, Outcome
from dhishoom.spark.tails import GENERATIONS, TailFolder, folder_of_run, trimmed
from dhishoom.stores.clips import clip_name
from tests.parts.city_workers import alone, by_id, city


def deliveries(chunks: Sequence[Chunk]) -> list[Delivery]:
    """As they came off a bus, one partition."""
    made = []
    for offset, chunk in enumerate(chunks):
        value, headers = chunk_to_message(chunk)
        made.append(
            Delivery(
                topic=AUDIO_TOPIC,
                key=chunk.sensor_id,
                value=value,
                headers=headers,
                timestamp_ns=chunk.end_ns,
                partition=0,
                offset=offset,
            )
        )
    return made


def keep(chunk: Chunk) -> str:
    """A clip's name, as stores give it."""
    return clip_name(chunk.sensor_id, chunk.start_ns)


def heard_in(batches: Sequence[Sequence[Delivery]], folder: Path, **changes: str) -> list[Outcome]:
    """Batch by batch, each by a hearer who knows nothing but the tails on the disk."""
    outcomes: list[Outcome] = []
    tails = TailFolder(folder, AUDIO_TOPIC, 0)
    for batch in batches:
        before = tails.read(batch[0].offset)
        hearing = PartitionHearing(
            city().site(),
            EnergyDetector(),
            changes.get("keep", "shots"),
            keep,
            before or {},  # type: ignore[arg-type]
        )
        outcomes += hearing.hear(batch)
        tails.write(batch[-1].offset + 1, hearing.tails())
    return outcomes


def detections(outcomes: Sequence[Outcome]) -> dict[str, Detection]:
    """Each once."""
    return by_id(one for outcome in outcomes for one in outcome.detections)


def cut(messages: Sequence[Delivery], sizes: Sequence[int]) -> list[list[Delivery]]:
    """Messages in batches of the sizes, by turns."""
    batches, at, turn = [], 0, 0
    while at < len(messages):
        size = sizes[turn % len(sizes)]
        batches.append(list(messages[at : at + size]))
        at, turn = at + size, turn + 1
    return batches


@pytest.mark.parametrize("chunk_s", [0.5, 2.0, 10.0])
@pytest.mark.parametrize("sizes", [(1,), (7, 2), (1000,)])
def test_any_cut_into_batches_tells_what_one_machine_tells(tmp_path: Path, chunk_s: float, sizes: tuple[int]) -> None:
    """To the last digit, shots on borders included, with the same clips; each once."""
    source = city(seconds=20.0, chunk_s=chunk_s)
    messages = deliveries(list(source.chunks()))
    outcomes = heard_in(cut(messages, sizes), tmp_path)

    assert detections(outcomes) == alone(city(seconds=20.0, chunk_s=chunk_s))
    assert sorted(one.row.offset for one in outcomes) == [one.offset for one in messages]


def test_rows_of_the_log_do_not_depend_on_the_batches(tmp_path: Path) -> None:
    """Score, flag and classes of a clip are the same however its batch was cut."""
    messages = deliveries(list(city(seconds=20.0, chunk_s=2.0).chunks()))
    some = heard_in(cut(messages, (7, 2)), tmp_path / "a", keep="all")
    others = heard_in(cut(messages, (1000,)), tmp_path / "b", keep="all")
    rows = {one.row.offset: one.row for one in some}

    assert rows == {one.row.offset: one.row for one in others}
    assert all(row.clip for row in rows.values())
    assert 0 < sum(row.gunshot for row in rows.values()) < len(rows)


def test_a_row_names_a_clip_of_its_own_sound_or_none() -> None:
    """Shots at the end of a message are told with the next one, whose row says nothing of them."""
    source = city(seconds=20.0, chunk_s=10.0)
    hearing = PartitionHearing(source.site(), EnergyDetector(), "shots", keep, {})
    outcomes = hearing.hear(deliveries(list(source.chunks())))
    onsets: dict[str, list[int]] = defaultdict(list)
    for one in detections(outcomes).values():
        onsets[one.clip or ""].append(one.onset_ns)

    named = [one.row for one in outcomes if one.row.clip]
    assert named
    for row in named:
        since_ns = row.start_ns - NS_PER_S // 10
        assert any(since_ns <= at < row.start_ns + 10 * NS_PER_S for at in onsets[row.clip])


def test_a_batch_that_is_heard_again_tells_the_same(tmp_path: Path) -> None:
    """From the tails before it, though those after it are there already."""
    batches = cut(deliveries(list(city(seconds=20.0).chunks())), (12,))
    once = heard_in(batches, tmp_path)
    again = heard_in(batches[-GENERATIONS + 1 :], tmp_path)

    assert again == once[-len(again) :]


def test_a_shot_is_flagged_in_its_clip() -> None:
    """And in no other."""
    source = city(seconds=20.0, chunk_s=2.0)
    hearing = PartitionHearing(source.site(), EnergyDetector(), "none", keep, {})
    rows = [one.row for one in hearing.hear(deliveries(list(source.chunks())))]
    onsets = [(one.sensor_id, one.onset_ns) for one in alone(source).values()]

    for row in rows:
        within = [
            at for name, at in onsets if name == row.sensor_id and row.start_ns <= at < row.start_ns + 2 * NS_PER_S
        ]
        close = any(abs(at - row.start_ns) < NS_PER_S / 5 or at > row.start_ns + 1.8 * NS_PER_S for at in within)
        assert row.gunshot == bool(within) or close


def test_messages_that_come_twice_or_late_are_heard_once(tmp_path: Path) -> None:
    """In the same batch or in another; late sound is heard by itself, and so is what follows it."""
    source = city(seconds=20.0, chunk_s=2.0)
    chunks = list(source.chunks())
    same_batch = [chunk for pair in zip(chunks[6:12], chunks[:6], strict=True) for chunk in (*pair, pair[0])]
    outcomes = heard_in([deliveries([*same_batch, *chunks[12:]])], tmp_path / "a")
    assert detections(outcomes) == alone(source)
    assert len(outcomes) == len(chunks)

    batches = [deliveries(part) for part in (chunks[:6], chunks[12:18], chunks[6:12], chunks[:6])]
    messages = [replace(one, offset=at) for at, one in enumerate(each for batch in batches for each in batch)]
    late = heard_in(cut(messages, (6,)), tmp_path / "b")
    assert len(late) == 18
    bangs = {name for name, one in alone(source).items() if 2.5 < (one.onset_ns - chunks[0].start_ns) / NS_PER_S < 3.5}
    assert bangs <= set(detections(late))


def test_poison_is_put_aside_with_its_reason() -> None:
    """Pickles, nonsense, torn files and sound of the future; what is sound is heard."""
    source = city()
    good = deliveries(source.chunks_of("s01"))
    bad = [
        replace(good[0], value=value, headers={}) for value in (b"\x80\x04pickled", b"no sound", b"fLaC\x00\x00", b"")
    ]
    future = deliveries([replace(source.chunks_of("s01")[0], start_ns=time.time_ns() + 10**13)])
    future = [replace(future[0], timestamp_ns=time.time_ns())]
    outcomes = PartitionHearing(source.site(), EnergyDetector(), "none", keep, {}).hear([*bad, *good, *future])

    assert [one.kind for one in outcomes].count(DEAD) == 5
    assert [one.kind for one in outcomes].count(CLIP) == len(good)
    reasons = " ".join(one.reason for one in outcomes)
    assert "numpy.save" in reasons
    assert "in the future" in reasons
    assert outcomes[0].dead == b"\x80\x04pickled"


def test_the_first_form_of_message_is_heard() -> None:
    """A bare .npy, two channels of int16 and no headers: it ended when the bus took it, at the rate of the site."""
    import io

    source = city()
    sensor = replace(source.site().sensors["s01"], sample_rate=12_000)
    site = replace(source.site(), sensors={"s01": sensor})
    body = io.BytesIO()
    sound = np.round(source.sound("s01")[:120_000] * 32767).astype(np.int16)
    np.save(body, np.stack([sound, sound], axis=1))
    one = Delivery(
        topic=AUDIO_TOPIC, key="s01", value=body.getvalue(), headers={}, timestamp_ns=10**18, partition=0, offset=0
    )
    outcome = PartitionHearing(site, EnergyDetector(), "none", keep, {}).hear([one])[0]

    assert outcome.row.start_ns == 10**18 - 10 * NS_PER_S
    assert outcome.row.gunshot
    assert outcome.detections


def test_a_border_whose_earlier_half_is_gone_is_marked() -> None:
    """At the first message of a sensor alone."""
    source = city()
    hearing = PartitionHearing(source.site(), EnergyDetector(), "none", keep, {}, lost=True)
    outcomes = hearing.hear(deliveries(source.chunks_of("s01")))

    assert [one.row.border_lost for one in outcomes] == [True] + [False] * (len(outcomes) - 1)


def test_a_sensor_that_falls_silent_is_told_to_its_end() -> None:
    """Once others have spoken for long enough."""
    source = city(seconds=12.3)
    first = PartitionHearing(source.site(), EnergyDetector(), "none", keep, {})
    told = first.hear(deliveries(source.chunks_of("s01")))
    last = PartitionHearing(source.site(), EnergyDetector(), "none", keep, first.tails())
    later_ns = source.chunks_of("s01")[-1].end_ns + 200 * NS_PER_S
    ended = last.ends(later_ns)

    expected = {name for name, one in alone(source).items() if one.sensor_id == "s01"}
    assert set(detections([*told, *ended])) == expected
    assert last.tails() == {}
    assert last.ends(later_ns) == []


def test_a_clock_that_goes_back_makes_nobody_deaf() -> None:
    """What is heard after it is told at once."""
    source = city(seconds=14.5)
    first = PartitionHearing(source.site(), EnergyDetector(), "none", keep, {})
    first.hear(deliveries(source.chunks_of("s01")))
    back = [replace(one, start_ns=one.start_ns - 3600 * NS_PER_S) for one in source.chunks_of("s01")]
    told = PartitionHearing(source.site(), EnergyDetector(), "none", keep, first.tails()).hear(deliveries(back))

    assert len(detections(told)) >= 4


def test_tails_that_are_torn_or_of_elsewhere_are_not_believed(tmp_path: Path) -> None:
    """Then nothing is known, and what came before is read back."""
    messages = deliveries(list(city().chunks()))
    heard_in([messages[:12]], tmp_path)
    tails = TailFolder(tmp_path, AUDIO_TOPIC, 0)

    assert set(tails.read(12) or {}) == set(city().sensors)
    assert tails.read(11) is None
    assert TailFolder(tmp_path, AUDIO_TOPIC, 1).read(12) is None
    torn = next(tmp_path.rglob("*.tail"))
    torn.write_bytes(torn.read_bytes()[:-10])
    assert tails.read(12) is None


def test_tails_of_long_ago_are_forgotten(tmp_path: Path) -> None:
    """So that memory does not fill."""
    heard_in(cut(deliveries(list(city(seconds=14.5).chunks())), (6,)), tmp_path)

    assert len(list(tmp_path.rglob("index-*"))) == GENERATIONS
    assert len(list(tmp_path.rglob("*.tail"))) <= GENERATIONS * 6


def test_runs_keep_their_tails_apart(tmp_path: Path) -> None:
    """What a run left long ago goes; what another has now stays."""
    for name, age_s in (("old", 100_000.0), ("other", 10.0)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age_s,) * 2)

    assert folder_of_run(tmp_path, "mine") == tmp_path / "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"other"}


def test_a_trimmed_chunk_keeps_its_place() -> None:
    """To the sample, at any rate."""
    for rate in (12_000, 22_050, 44_100):
        chunk = Chunk(sensor_id="s", start_ns=10**18 + 7, sample_rate=rate, samples=np.arange(rate, dtype=np.float32))
        (rest,) = trimmed((chunk,), chunk.start_ns + NS_PER_S // 3)
        first = int(rest.samples[0])
        assert abs(rest.start_ns - chunk.start_ns - first * NS_PER_S / rate) < NS_PER_S / rate
        assert rest.samples[-1] == chunk.samples[-1]
