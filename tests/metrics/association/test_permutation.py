"""The best permutation of the estimates of a recording, by exhaustive search."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslbench.metrics.association import match, match_permutation
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks


def pair(rng, sources, estimates, frames, present=0.8):
    def some(columns):
        xyz = rng.normal(size=(frames, columns, 3))
        return Tracks.of(np.arange(frames), xyz, "position", rng.random(xyz.shape[:2]) < present)

    return some(estimates), some(sources)


def cost_of(prediction, truth, order):
    """Return minus the number of pairs, and their summed distance, of one permutation."""
    found = [
        np.linalg.norm(truth.xyz[t, s] - prediction.xyz[t, a])
        for t in range(len(truth.times))
        for s, a in enumerate(order)
        if a is not None and truth.active[t, s] and prediction.active[t, a]
    ]
    return -len(found), sum(found)


def best(prediction, truth):
    sources, estimates = truth.xyz.shape[1], prediction.xyz.shape[1]
    orders = permutations([*range(estimates), *[None] * max(0, sources - estimates)], sources)
    return min(cost_of(prediction, truth, order) for order in orders)


def costs(matches):
    """Return minus the number of pairs, and their summed distance, of each recording."""
    recording = matches.corpus.recording
    return [
        (-matches.matched[recording == r].sum(), np.nansum(matches.distance[recording == r]))
        for r in range(len(matches.corpus.lengths))
    ]


@pytest.mark.parametrize("seed", range(6))
def test_no_other_permutation_has_more_pairs_or_a_smaller_sum(seed):
    rng = np.random.default_rng(seed)
    for _ in range(60):
        pairs = [pair(rng, *rng.integers(0, 4, 2), rng.integers(0, 6)) for _ in range(3)]
        matches = match_permutation(Corpus.of(pairs))
        for found, pair_of_tracks in zip(costs(matches), pairs, strict=True):
            assert found == pytest.approx(best(*pair_of_tracks))


def test_no_other_permutation_of_more_than_three_columns_is_better():
    rng = np.random.default_rng(0)
    for _ in range(30):
        pairs = [pair(rng, 4, 4, 3), pair(rng, 2, 5, 3)]
        matches = match_permutation(Corpus.of(pairs))
        for found, pair_of_tracks in zip(costs(matches), pairs, strict=True):
            assert found == pytest.approx(best(*pair_of_tracks))


def test_all_frames_of_a_recording_have_the_same_permutation():
    rng = np.random.default_rng(0)
    corpus = Corpus.of([pair(rng, 3, 3, 20, present=1.0), pair(rng, 3, 3, 7, present=1.0)])
    partner = match_permutation(corpus).partner
    assert (partner[:20] == partner[0]).all()
    assert (partner[20:] == partner[20]).all()
    assert sorted(partner[0]) == [0, 1, 2]


def test_only_active_sources_and_estimates_are_matched():
    rng = np.random.default_rng(0)
    corpus = Corpus.of([pair(rng, 3, 3, 50, present=0.5)])
    found = match_permutation(corpus)
    frame, source = np.nonzero(found.matched)
    assert corpus.both_active[frame, source, found.partner[frame, source]].all()


def test_recordings_of_one_frame_are_matched_like_single_frames():
    rng = np.random.default_rng(0)
    corpus = Corpus.of([pair(rng, 3, 3, 1, present=1.0) for _ in range(300)])
    np.testing.assert_array_equal(match_permutation(corpus).partner, match(corpus).partner)


@pytest.mark.parametrize("sizes", [(0, 0), (2, 0), (0, 2)])
def test_without_sources_or_estimates_there_are_no_pairs(sizes):
    corpus = Corpus.of([pair(np.random.default_rng(0), *sizes, 3)])
    assert not match_permutation(corpus).matched.any()


def test_an_empty_corpus_has_no_pairs():
    assert match_permutation(Corpus.of([])).partner.shape == (0, 0)


def test_a_recording_without_frames_changes_nothing():
    rng = np.random.default_rng(0)
    one, none, other = pair(rng, 2, 2, 4), pair(rng, 2, 2, 0), pair(rng, 2, 2, 5)
    three, two = (
        match_permutation(Corpus.of(pairs)).partner for pairs in ([one, none, other], [one, other])
    )
    np.testing.assert_array_equal(three, two)


@given(st.integers(0, 10**6), st.permutations(range(3)))
def test_the_order_of_the_columns_does_not_change_the_sum(seed, order):
    estimate, truth = pair(np.random.default_rng(seed), 3, 3, 6)
    mixed = Tracks.of(estimate.times, estimate.xyz[:, order], "position", estimate.active[:, order])
    (expected,) = costs(match_permutation(Corpus.of([(estimate, truth)])))
    (found,) = costs(match_permutation(Corpus.of([(mixed, truth)])))
    assert found == pytest.approx(expected)
