"""The best order of the answers of a recording, found by trying all."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslbench.metrics.association import match, permute
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks


def pair(rng, sources, answers, frames, present=0.8):
    def some(columns):
        xyz = rng.normal(size=(frames, columns, 3))
        return Tracks.of(np.arange(frames), xyz, "position", rng.random(xyz.shape[:2]) < present)

    return some(answers), some(sources)


def worth(prediction, truth, order):
    """Return minus the number of pairs, and their summed distance, of one order."""
    found = [
        np.linalg.norm(truth.xyz[t, s] - prediction.xyz[t, a])
        for t in range(len(truth.times))
        for s, a in enumerate(order)
        if a is not None and truth.active[t, s] and prediction.active[t, a]
    ]
    return -len(found), sum(found)


def best(prediction, truth):
    sources, answers = truth.xyz.shape[1], prediction.xyz.shape[1]
    orders = permutations([*range(answers), *[None] * max(0, sources - answers)], sources)
    return min(worth(prediction, truth, order) for order in orders)


def reached(matches):
    """Return the worth of the pairs of each recording."""
    recording = matches.corpus.recording
    return [
        (-matches.answered[recording == r].sum(), np.nansum(matches.distance[recording == r]))
        for r in range(len(matches.corpus.lengths))
    ]


@pytest.mark.parametrize("seed", range(6))
def test_no_other_order_has_more_pairs_or_a_smaller_sum(seed):
    rng = np.random.default_rng(seed)
    for _ in range(60):
        pairs = [pair(rng, *rng.integers(0, 4, 2), rng.integers(0, 6)) for _ in range(3)]
        expected = [best(*one) for one in pairs]
        for found, wanted in zip(reached(permute(Corpus.of(pairs))), expected, strict=True):
            assert found == pytest.approx(wanted)


def test_no_other_order_is_better_beyond_three_columns():
    rng = np.random.default_rng(0)
    for _ in range(30):
        pairs = [pair(rng, 4, 4, 3), pair(rng, 2, 5, 3)]
        expected = [best(*one) for one in pairs]
        for found, wanted in zip(reached(permute(Corpus.of(pairs))), expected, strict=True):
            assert found == pytest.approx(wanted)


def test_a_recording_has_one_order_for_all_its_frames():
    rng = np.random.default_rng(0)
    corpus = Corpus.of([pair(rng, 3, 3, 20, present=1.0), pair(rng, 3, 3, 7, present=1.0)])
    partner = permute(corpus).partner
    assert (partner[:20] == partner[0]).all()
    assert (partner[20:] == partner[20]).all()
    assert sorted(partner[0]) == [0, 1, 2]


def test_pairs_are_where_both_are_there():
    rng = np.random.default_rng(0)
    corpus = Corpus.of([pair(rng, 3, 3, 50, present=0.5)])
    found = permute(corpus)
    frame, source = np.nonzero(found.answered)
    assert corpus.possible[frame, source, found.partner[frame, source]].all()


def test_one_frame_a_recording_is_the_assignment_of_frames():
    rng = np.random.default_rng(0)
    corpus = Corpus.of([pair(rng, 3, 3, 1, present=1.0) for _ in range(300)])
    np.testing.assert_array_equal(permute(corpus).partner, match(corpus).partner)


@pytest.mark.parametrize("sizes", [(0, 0), (2, 0), (0, 2)])
def test_nothing_to_pair_is_no_pair(sizes):
    corpus = Corpus.of([pair(np.random.default_rng(0), *sizes, 3)])
    assert not permute(corpus).answered.any()


def test_no_recordings_have_no_pairs():
    assert permute(Corpus.of([])).partner.shape == (0, 0)


def test_a_recording_without_frames_is_passed_over():
    rng = np.random.default_rng(0)
    one, none, other = pair(rng, 2, 2, 4), pair(rng, 2, 2, 0), pair(rng, 2, 2, 5)
    with_it, without = permute(Corpus.of([one, none, other])), permute(Corpus.of([one, other]))
    np.testing.assert_array_equal(with_it.partner, without.partner)


@given(st.integers(0, 10**6), st.permutations(range(3)))
def test_the_order_of_the_columns_changes_no_sum(seed, order):
    answer, truth = pair(np.random.default_rng(seed), 3, 3, 6)
    mixed = Tracks.of(answer.times, answer.xyz[:, order], "position", answer.active[:, order])
    (expected,) = reached(permute(Corpus.of([(answer, truth)])))
    (found,) = reached(permute(Corpus.of([(mixed, truth)])))
    assert found == pytest.approx(expected)
