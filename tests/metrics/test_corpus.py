"""Stacking of recordings, and the errors for predictions that cannot be compared."""

import numpy as np
import pytest

from helpers.metric_cases import several_sources
from sslbench.errors import FormatError
from sslbench.metrics.corpus import Corpus, check_comparable, starts_segment
from sslbench.scene import Tracks


def at(*frames, kind="position", **changes):
    return Tracks.of(np.arange(len(frames)), np.array(frames, dtype=float), kind, **changes)


def test_each_frame_has_the_index_of_its_recording():
    pair, short = several_sources(0, frames=4), several_sources(1, frames=2, sources=1)
    corpus = Corpus.of([pair, short])
    assert corpus.recording.tolist() == [0, 0, 0, 0, 1, 1]
    assert corpus.first.tolist() == [True, False, False, False, True, False]
    assert corpus.truth.xyz.shape == (6, 3, 3)
    assert not corpus.active_sources[4:, 1:].any()


def test_an_empty_recording_has_no_frames():
    empty = Tracks.of([], np.zeros((0, 1, 3)), "position")
    corpus = Corpus.of([(empty, empty), several_sources(0, frames=2)])
    assert corpus.lengths.tolist() == [0, 2]
    assert corpus.recording.tolist() == [1, 1]


def test_distances_are_in_metres_or_degrees():
    positions = Corpus.of([(at([[0, 1, 0]]), at([[1, 0, 0]]))])
    directions = Corpus.of([(at([[0, 1, 0]], kind="direction"), at([[1, 0, 0]], kind="direction"))])
    assert positions.distance[0, 0, 0] == pytest.approx(np.sqrt(2))
    assert directions.distance[0, 0, 0] == pytest.approx(90)


def test_identical_directions_differ_by_exactly_0_and_antipodal_ones_by_180_degrees():
    same = np.random.default_rng(0).normal(size=(100, 1, 3))
    same /= np.linalg.norm(same, axis=-1, keepdims=True)
    assert not Corpus.of([(at(*same, kind="direction"),) * 2]).distance.any()
    opposite = Corpus.of([(at(*-same, kind="direction"), at(*same, kind="direction"))])
    assert opposite.distance == pytest.approx(180.0, abs=1e-12)


def test_the_duration_of_a_frame_is_the_time_step_of_its_recording():
    lone = (at([[0, 0, 0]]), at([[0, 0, 0]]))
    seconds = Corpus.of([several_sources(0, frames=3), lone]).seconds
    assert seconds[:3] == pytest.approx(0.1)
    assert np.isnan(seconds[3])


def test_an_active_track_without_a_finite_place_is_inactive():
    nan = np.full((1, 1, 3), np.nan)
    estimate = Tracks(np.zeros(1), nan, "position", np.ones((1, 1), bool), np.zeros(1, int))
    assert not Corpus.of([(estimate, at([[0, 0, 0]]))]).active_estimates.any()


def test_cached_results_are_computed_once_per_argument():
    calls = []

    def count(corpus, gate):
        calls.append(gate)
        return gate

    corpus = Corpus.of([several_sources(0)])
    assert [corpus.cached(count, gate) for gate in (1, 2, 1)] == [1, 2, 1]
    assert calls == [1, 2]


def test_columns_with_the_same_id_are_merged():
    truth = at([[0, 0, 0], [9, 9, 9]], [[9, 9, 9], [1, 0, 0]], ids=[7, 7], active=np.eye(2))
    corpus = Corpus.of([(truth, truth)])
    assert corpus.truth.xyz.tolist() == [[[0, 0, 0]], [[1, 0, 0]]]


def test_an_id_in_two_places_is_an_error():
    twice = at([[0, 0, 0], [1, 0, 0]], ids=[7, 7])
    with pytest.raises(FormatError, match="1 of 1: prediction: id 7 is in two places at 0"):
        Corpus.of([(twice, at([[0, 0, 0]]))])


@pytest.mark.parametrize(
    ("estimate", "message"),
    [
        (
            at([[1, 0, 0]], kind="direction"),
            "prediction has directions, the ground truth positions",
        ),
        (at([[1, 0, 0]], [[1, 0, 0]]), "the prediction has 2 times, the ground truth 1"),
        (
            Tracks.of([0.5], [[[1, 0, 0]]], "position"),
            "the times .* differ by up to 0.5 s",
        ),
        (Tracks.of([np.nan], [[[1, 0, 0]]], "position"), "differ by up to nan s"),
    ],
)
def test_a_prediction_that_does_not_fit_the_ground_truth_is_an_error(estimate, message):
    with pytest.raises(FormatError, match=message):
        check_comparable(estimate, at([[0, 0, 0]]), "rec-1")


def test_a_direction_must_be_a_unit_vector():
    north = at([[1, 0, 0]], kind="direction")
    with pytest.raises(FormatError, match=r"rec-1: prediction: a direction has length 0"):
        check_comparable(at([[0, 0, 0]], kind="direction"), north, "rec-1")


def test_recordings_of_different_kinds_are_an_error():
    north = at([[1, 0, 0]], kind="direction")
    with pytest.raises(FormatError, match="the recordings mix directions and positions"):
        Corpus.of([(north, north), several_sources(0)])


def test_rows_are_summed_by_recording():
    empty = Tracks.of([], np.zeros((0, 1, 3)), "position")
    corpus = Corpus.of([several_sources(0, frames=2), (empty, empty), several_sources(1, frames=3)])
    rows = np.arange(10).reshape(5, 2)
    assert corpus.sum_by_recording(rows).tolist() == [[2, 4], [0, 0], [18, 21]]
    assert Corpus.of([]).sum_by_recording(rows[:0]).shape == (0, 2)


def test_segments_start_at_multiples_of_their_duration_and_at_recordings():
    corpus = Corpus.of([several_sources(0, frames=4), several_sources(1, frames=2)])
    times = np.array([0.5, 0.9996, 1.5, 2.5, 2.6, 2.7])
    assert starts_segment(corpus, times, 1.0).tolist() == [True, True, False, True, True, False]
