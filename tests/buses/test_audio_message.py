"""Chunks as messages: every form there and back, the ancestor's, and one clear refusal for everything else."""

from __future__ import annotations

import contextlib
import io
import pickle
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dhishoom.buses.audio_message import BYTES_MAX, CONTENT_TYPES, chunk_from_message, chunk_to_message
from dhishoom.core.timestamps import from_rfc3339
from dhishoom.errors import BusError
from dhishoom.nouns import NS_PER_S, Chunk, Sensor, Site

NOON_NS = 1_767_268_800 * NS_PER_S
RATE = 12_000
SITE = Site(sensors={"s1": Sensor(sensor_id="s1", sample_rate=22_050)})


def a_chunk(count=3000, **changes):
    """A quarter of a second of noise at an odd nanosecond."""
    samples = np.random.default_rng(0).uniform(-0.9, 0.9, count).astype(np.float32)
    told = {"sensor_id": "s1", "start_ns": NOON_NS + 123_456_789, "sample_rate": RATE, "samples": samples}
    return Chunk(**(told | changes))


def npy(array, **how):
    """As numpy.save writes it."""
    buffer = io.BytesIO()
    np.save(buffer, array, **how)
    return buffer.getvalue()


def taken(value, headers=None, *, timestamp_ns=NOON_NS + 3600 * NS_PER_S, site=SITE):
    """What a consumer makes of a message of sensor s1."""
    return chunk_from_message("s1", value, headers or {}, timestamp_ns=timestamp_ns, site=site)


def refusal(value, headers=None, **how):
    """The one sentence with which it is refused."""
    with pytest.raises(BusError) as caught:
        taken(value, headers, **how)
    message = str(caught.value)
    assert message
    assert len(message) < 600
    return message


@pytest.mark.parametrize("form", CONTENT_TYPES)
@pytest.mark.parametrize(("sigma_s", "sequence"), [(None, None), (0.000125, 2**40)])
def test_a_chunk_comes_back_as_it_was_sent(form, sigma_s, sequence):
    """Time to the nanosecond, rate, sigma and sequence; samples exactly, or to 16 bit."""
    sent = a_chunk(clock_sigma_s=sigma_s, sequence=sequence)
    value, headers = chunk_to_message(sent, form)
    got = taken(value, headers, site=None)
    assert (got.sensor_id, got.start_ns, got.sample_rate) == ("s1", sent.start_ns, RATE)
    assert (got.clock_sigma_s, got.sequence) == (sigma_s, sequence)
    np.testing.assert_allclose(got.samples, sent.samples, atol=0 if form == "npy" else 1 / 32_000)
    assert got.samples.dtype == np.float32


def test_headers_are_cloud_events_in_kafkas_binary_binding():
    """By the names that others read."""
    value, headers = chunk_to_message(a_chunk(clock_sigma_s=0.001, sequence=7), "flac")
    assert headers == {
        "content-type": "audio/flac",
        "ce_specversion": "1.0",
        "ce_id": f"s1/{NOON_NS + 123_456_789}",
        "ce_source": "/sensors/s1",
        "ce_type": "dhishoom.audio.v1",
        "ce_time": "2026-01-01T12:00:00.123456789Z",
        "ce_samplerate": "12000",
        "ce_clocksigma": "0.001",
        "ce_sequence": "7",
    }
    assert value.startswith(b"fLaC")


@given(arrays(np.float32, st.integers(1, 300), elements=st.floats(-1, 1, width=32)), st.integers(0, 4 * 10**18))
def test_any_sound_at_any_time_comes_back_exactly(samples, start_ns):
    """As `.npy`."""
    sent = a_chunk(samples=samples, start_ns=start_ns)
    got = taken(*chunk_to_message(sent), timestamp_ns=0)
    assert got.start_ns == start_ns
    assert (got.samples == samples).all()


@pytest.mark.parametrize("kind", ["npy", "wav"])
def test_the_ancestors_form_is_taken(kind):
    """No headers: int16 [n, 2], its rate by the site or the WAV, its end the record's timestamp."""
    stereo = np.random.default_rng(1).integers(-9000, 9000, (22_050, 2)).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, stereo, 22_050, format="WAV")
    got = taken(npy(stereo) if kind == "npy" else buffer.getvalue(), timestamp_ns=NOON_NS)
    assert (got.sample_rate, got.start_ns) == (22_050, NOON_NS - NS_PER_S)
    np.testing.assert_allclose(got.samples, stereo.mean(axis=1) / 32_768, atol=1e-6)


class Bomb:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return exec, ("raise SystemExit('a pickle was loaded')",)


@pytest.mark.parametrize("value", [pickle.dumps(Bomb()), npy(np.array([Bomb()], object), allow_pickle=True)])
def test_a_pickle_is_refused_without_being_loaded(value):
    """Bare, as the ancestor sent it, or inside an .npy; the message says what to send."""
    message = refusal(value)
    assert "never loaded" in message
    assert "numpy.save" in message or "int16" in message


HEADERS = chunk_to_message(a_chunk())[1]
FLAC = chunk_to_message(a_chunk(), "flac").value
WAV = chunk_to_message(a_chunk(), "wav").value
NPY = chunk_to_message(a_chunk()).value


@pytest.mark.parametrize(
    ("value", "changes", "says"),
    [
        (b"", {}, "0 bytes"),
        (b"\0" * (50 << 20), {}, f"{50 << 20} bytes"),
        (NPY + b"\0" * BYTES_MAX, {}, "in chunks"),
        (b"OggS" + b"\0" * 100, {}, "neither FLAC, WAV nor .npy"),
        (b"<html>", {}, "numpy.save"),
        (FLAC[: len(FLAC) // 2], {"content-type": "audio/flac"}, "whole"),
        (FLAC[:30], {"content-type": "audio/flac"}, "whole"),
        (WAV[: len(WAV) // 2], {"content-type": "audio/wav"}, "breaks off"),
        (WAV[:30], {"content-type": "audio/wav"}, "whole"),
        (NPY[: len(NPY) // 2], {}, "whole"),
        (NPY[:20], {}, "npy"),
        (FLAC, {"content-type": "application/x-npy"}, "but is audio/flac"),
        (npy(np.array([0.1, np.nan], np.float32)), {}, "NaN"),
        (npy(np.array([0.1, np.inf, -np.inf], np.float32)), {}, "NaN or infinite"),
        (npy(np.zeros((0,), np.float32)), {}, "not empty"),
        (npy(np.zeros((2, 2, 2), np.float32)), {}, "[n, channels]"),
        (npy(np.zeros((2, 65), np.float32)), {}, "[n, channels]"),
        (npy(np.array(["a"])), {}, "int16 or float32"),
        (npy(np.array([1j])), {}, "int16 or float32"),
        (npy(np.zeros(3, [("a", "<f4")])), {}, "int16 or float32"),
        (npy(np.zeros(121 * RATE, np.int8)), {}, "shorter chunks"),
        (NPY, {"ce_time": "yesterday"}, "RFC 3339"),
        (NPY, {"ce_time": "2026-01-03T12:00:00Z"}, "Set the sensor's clock"),
        (NPY, {"ce_time": "9999-01-01T00:00:00Z"}, "Set the sensor's clock"),
        (NPY, {"ce_samplerate": "fast"}, "ce_samplerate"),
        (NPY, {"ce_samplerate": "nan"}, "ce_samplerate"),
        (NPY, {"ce_samplerate": "1e30"}, "ce_samplerate"),
        (NPY, {"ce_samplerate": "0"}, "0 Hz"),
        (NPY, {"ce_samplerate": "999999"}, "Hz"),
        (NPY, {"ce_clocksigma": "-1"}, "ce_clocksigma"),
        (NPY, {"ce_sequence": "seven"}, "ce_sequence"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_in_one_sentence(value, changes, says):
    """What, why, and what to send instead."""
    assert says in refusal(value, HEADERS | changes)


def test_a_message_without_rate_time_or_key_is_refused():
    """It says which of them, and where to state it."""
    assert "sample_rate" in refusal(npy(np.zeros(10, np.int16)), site=None)
    assert "ce_time" in refusal(npy(np.zeros(10, np.int16)), timestamp_ns=0)
    with pytest.raises(BusError, match="no key"):
        chunk_from_message("", NPY, HEADERS, timestamp_ns=NOON_NS)


def test_a_chunk_may_be_old_and_a_little_ahead():
    """Replays are old; a clock that is a minute fast is the sensor's own error."""
    for time in ("1999-01-01T00:00:00Z", "2026-01-01T13:01:00Z"):
        assert taken(NPY, HEADERS | {"ce_time": time}).start_ns == from_rfc3339(time)


@pytest.mark.parametrize("kind", ["<f2", "<f4", ">f4", "<f8", "i1", "<i2", ">i2", "<i4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_usual_kinds_and_orders_mean_the_same_sound(kind, order):
    """Half of full scale on one of two channels is a quarter of the mix."""
    scale = 0.5 if "f" in kind else 2 ** (8 * np.dtype(kind).itemsize - 2)
    stereo = np.zeros((8, 2), kind, order=order)
    stereo[:, 1] = scale
    assert taken(npy(stereo)).samples == pytest.approx(0.25)


def test_floats_beyond_full_scale_are_clipped():
    """As a recorder would have done."""
    assert list(taken(npy(np.array([2.0, -3.0, 0.5], np.float32))).samples) == [1.0, -1.0, 0.5]


def test_a_header_that_promises_terabytes_allocates_nothing():
    """It is held against the bytes that are there."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4398046511104,), }"
    value = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n" + b"\0" * 64
    assert "does not hold" in refusal(value)


def mutated(value, places):
    """Some bytes changed."""
    changed = bytearray(value)
    for place, byte in places:
        changed[place % len(changed)] = byte
    return bytes(changed)


SPOTS = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), max_size=6)
HEAD = st.lists(st.tuples(st.integers(0, 140), st.integers(0, 255)), max_size=4)


@given(st.sampled_from([FLAC, WAV, NPY]), SPOTS | HEAD, st.integers(0, 13_000))
@settings(max_examples=300)
def test_damaged_messages_are_chunks_or_refusals(value, places, kept):
    """Whatever a wire does to them: finite mono sound within full scale, or a BusError."""
    try:
        got = taken(mutated(value, places)[: max(1, kept)], HEADERS | {"content-type": "application/octet-stream"})
    except BusError:
        return
    assert got.samples.ndim == 1
    assert np.abs(got.samples).max() <= 1


TEXT = st.text(max_size=20) | st.sampled_from(
    ["1e400", "-0", "nan", "inf", "1_000", "٣", "0x10", "2026-01-01T12:00:00Z"]
)


@given(st.dictionaries(st.sampled_from(sorted([*HEADERS, "ce_clocksigma", "ce_sequence"])), TEXT))
@settings(max_examples=200)
def test_any_headers_are_understood_or_refused(changes):
    """Nothing but a BusError comes of text that others wrote."""
    try:
        got = taken(NPY, HEADERS | changes)
    except BusError:
        return
    assert got.sample_rate >= 1000


KINDS = ["'<f4'", "'|O'", "'(2,)<f4'", "'<f4,<f4'", "'V8'", "'<V0'", "'S3'", "'<M8[ns]'", "1", "None", "'<f16'", "'?'"]
KINDS += ["[('a', '<f4', (2,))]", "'<u2'", "'<c8'", "(" * 90, "'<f4', 'x': 1"]
SHAPES = [
    "(2,)",
    "(8,)",
    "(-2,)",
    "(1, 8)",
    "()",
    "(True,)",
    "(10**30,)",
    "2",
    "(0,)",
    "((2,),)",
    "(2.0,)",
    "(999999999,)",
]
NPY_HEADERS = st.builds(
    lambda kind, shape, order: f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}",
    st.sampled_from(KINDS),
    st.sampled_from(SHAPES),
    st.sampled_from(["True", "False", "2"]),
)


@given(NPY_HEADERS, st.sampled_from([8, 16, 32, 64]))
@settings(max_examples=200)
def test_any_npy_header_is_understood_or_refused(header, count):
    """Strange kinds and shapes, with as many bytes as may be."""
    text = header.encode() + b"\n"
    value = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"\0" * count
    with contextlib.suppress(BusError):
        assert taken(value).samples.ndim == 1
