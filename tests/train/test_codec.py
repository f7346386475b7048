"""Codecs: what comes back is the same sound, at the same place."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("av", reason="PyAV is not installed (pip install 'dhishoom[media]')")

from dhishoom.train.codec import CODECS, recoded


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_a_codec_leaves_a_sound_where_it_was(codec: str) -> None:
    """A tone burst at 1 s comes back at 1 s, give or take a millisecond: codecs delay, and that is undone."""
    rate = 16000
    rng = np.random.default_rng(0)
    sound = (rng.standard_normal(2 * rate) * 1e-3).astype(np.float32)
    sound[rate : rate + 800] += 0.5 * np.sin(2 * np.pi * 700 * np.arange(800) / rate).astype(np.float32)

    back = recoded(sound, rate, codec, 48000)

    assert len(back) == len(sound)
    begins = int(np.flatnonzero(np.abs(back) > 0.2)[0])
    assert abs(begins - int(np.flatnonzero(np.abs(sound) > 0.2)[0])) <= rate // 500
