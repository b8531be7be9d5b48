"""Recordings are stacked without mixing them, and what cannot be compared is refused."""

import numpy as np
import pytest

from helpers.metric_cases import several_sources
from sslbench.errors import FormatError
from sslbench.metrics.corpus import Corpus, check_comparable
from sslbench.scene import Tracks


def at(*frames, kind="position", **changes):
    return Tracks.of(np.arange(len(frames)), np.array(frames, dtype=float), kind, **changes)


def test_frames_know_their_recording():
    pair, short = several_sources(0, frames=4), several_sources(1, frames=2, sources=1)
    corpus = Corpus.of([pair, short])
    assert corpus.recording.tolist() == [0, 0, 0, 0, 1, 1]
    assert corpus.first.tolist() == [True, False, False, False, True, False]
    assert corpus.truth.xyz.shape == (6, 3, 3)
    assert not corpus.sounding[4:, 1:].any()


def test_an_empty_recording_has_no_frames():
    empty = Tracks.of([], np.zeros((0, 1, 3)), "position")
    corpus = Corpus.of([(empty, empty), several_sources(0, frames=2)])
    assert corpus.lengths.tolist() == [0, 2]
    assert corpus.recording.tolist() == [1, 1]


def test_distances_are_in_metres_or_degrees():
    there = Corpus.of([(at([[0, 1, 0]]), at([[1, 0, 0]]))])
    turned = Corpus.of([(at([[0, 1, 0]], kind="direction"), at([[1, 0, 0]], kind="direction"))])
    assert there.distance[0, 0, 0] == pytest.approx(np.sqrt(2))
    assert turned.distance[0, 0, 0] == pytest.approx(90)


def test_identical_directions_are_exactly_0_apart_and_antipodal_ones_180():
    same = np.random.default_rng(0).normal(size=(100, 1, 3))
    same /= np.linalg.norm(same, axis=-1, keepdims=True)
    assert not Corpus.of([(at(*same, kind="direction"),) * 2]).distance.any()
    opposite = Corpus.of([(at(*-same, kind="direction"), at(*same, kind="direction"))])
    assert opposite.distance == pytest.approx(180.0, abs=1e-12)


def test_a_frame_stands_for_the_step_of_its_recording():
    lone = (at([[0, 0, 0]]), at([[0, 0, 0]]))
    seconds = Corpus.of([several_sources(0, frames=3), lone]).seconds
    assert seconds[:3] == pytest.approx(0.1)
    assert np.isnan(seconds[3])


def test_active_without_a_place_is_silent():
    nan = np.full((1, 1, 3), np.nan)
    answer = Tracks(np.zeros(1), nan, "position", np.ones((1, 1), bool), np.zeros(1, int))
    assert not Corpus.of([(answer, at([[0, 0, 0]]))]).claimed.any()


def test_what_was_computed_once_is_kept():
    calls = []

    def count(corpus, gate):
        calls.append(gate)
        return gate

    corpus = Corpus.of([several_sources(0)])
    assert [corpus.once(count, gate) for gate in (1, 2, 1)] == [1, 2, 1]
    assert calls == [1, 2]


def test_columns_of_one_id_are_one_track():
    truth = at([[0, 0, 0], [9, 9, 9]], [[9, 9, 9], [1, 0, 0]], ids=[7, 7], active=np.eye(2))
    corpus = Corpus.of([(truth, truth)])
    assert corpus.truth.xyz.tolist() == [[[0, 0, 0]], [[1, 0, 0]]]


def test_one_id_in_two_places_is_refused():
    twice = at([[0, 0, 0], [1, 0, 0]], ids=[7, 7])
    with pytest.raises(FormatError, match="recording 1 of 1: answer: id 7 is in two places at 0"):
        Corpus.of([(twice, at([[0, 0, 0]]))])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (at([[1, 0, 0]], kind="direction"), "the answer is a direction, the truth a position"),
        (at([[1, 0, 0]], [[1, 0, 0]]), "the answer has 2 times, the truth 1"),
        (Tracks.of([0.5], [[[1, 0, 0]]], "position"), "times of answer and truth differ by up to"),
        (Tracks.of([np.nan], [[[1, 0, 0]]], "position"), "differ by up to nan s"),
    ],
)
def test_what_cannot_be_compared_is_refused(answer, said):
    with pytest.raises(FormatError, match=said):
        check_comparable(answer, at([[0, 0, 0]]), "rec-1")


def test_a_direction_must_have_length_one():
    north = at([[1, 0, 0]], kind="direction")
    with pytest.raises(FormatError, match=r"rec-1: answer: a direction of length 0"):
        check_comparable(at([[0, 0, 0]], kind="direction"), north, "rec-1")


def test_kinds_are_not_mixed():
    north = at([[1, 0, 0]], kind="direction")
    with pytest.raises(FormatError, match="recordings of different kinds"):
        Corpus.of([(north, north), several_sources(0)])
