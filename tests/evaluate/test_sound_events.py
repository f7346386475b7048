"""Sound event metrics agree with sed_eval, the reference implementation of their authors."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dhishoom.evaluate.sound_events import Counts, Span, event_based, segment_based, total

sed_eval = pytest.importorskip("sed_eval")

# Onsets on a grid of 1/64 s are exact in binary, so that no sum lies a rounding error beside the collar.
SPANS = st.lists(
    st.builds(lambda onset, length: Span(onset / 64, (onset + length) / 64), st.integers(0, 500), st.integers(1, 100)),
    max_size=8,
)


def as_list(spans):
    """Events as sed_eval takes them."""
    return [
        {"filename": "a", "event_label": "gunshot", "onset": span.onset_s, "offset": span.offset_s} for span in spans
    ]


def counts_of(metrics):
    """sed_eval's intermediate statistics of the one class."""
    found = metrics.class_wise["gunshot"]
    return found["Nref"], found["Nsys"], found["Ntp"]


@given(SPANS.filter(bool), SPANS.filter(bool), st.sampled_from([None, 0.5, 0.2]))
@settings(max_examples=60, deadline=None)
def test_events_are_counted_as_sed_eval_counts_them(reference, estimated, share):
    """Optimal matching by onset, and by offset where asked."""
    metrics = sed_eval.sound_event.EventBasedMetrics(
        ["gunshot"],
        t_collar=0.125,
        percentage_of_length=share or 0.5,
        evaluate_offset=share is not None,
        event_matching_type="optimal",
    )
    metrics.evaluate(as_list(reference), as_list(estimated))
    counts = event_based(reference, estimated, collar_s=0.125, offset_share=share)
    assert (counts.reference, counts.estimated, counts.right) == counts_of(metrics)


@given(SPANS.filter(bool), SPANS.filter(bool), st.sampled_from([0.125, 0.5, 1.0]))
@settings(max_examples=60, deadline=None)
def test_segments_are_counted_as_sed_eval_counts_them(reference, estimated, segment_s):
    """Activity by segment, over the stated length."""
    metrics = sed_eval.sound_event.SegmentBasedMetrics(["gunshot"], time_resolution=segment_s)
    metrics.evaluate(as_list(reference), as_list(estimated), evaluated_length_seconds=10.0)
    counts = segment_based(reference, estimated, duration_s=10.0, segment_s=segment_s)
    assert (counts.reference, counts.estimated, counts.right) == counts_of(metrics)


@given(st.lists(st.tuples(SPANS.filter(bool), SPANS.filter(bool)), min_size=1, max_size=3))
@settings(max_examples=30, deadline=None)
def test_figures_over_files_are_sed_evals(files):
    """F1, precision, recall and error rate of all files together."""
    metrics = sed_eval.sound_event.EventBasedMetrics(["gunshot"], t_collar=0.125, evaluate_offset=False)
    for reference, estimated in files:
        metrics.evaluate(as_list(reference), as_list(estimated))
    told = metrics.results_class_wise_metrics()["gunshot"]
    counts = total(event_based(reference, estimated, collar_s=0.125) for reference, estimated in files)
    assert counts.precision == pytest.approx(told["f_measure"]["precision"])
    assert counts.recall == pytest.approx(told["f_measure"]["recall"])
    assert counts.error_rate == pytest.approx(told["error_rate"]["error_rate"])
    if counts.right:
        assert counts.f1 == pytest.approx(told["f_measure"]["f_measure"])


def test_silence_that_is_told_as_silence_has_no_figures():
    """Nothing there and nothing told: nan, not perfection."""
    counts = event_based([], [])
    assert counts == Counts(0, 0, 0)
    assert math.isnan(counts.f1)
