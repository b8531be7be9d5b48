"""Matches have the most pairs and then the least cost, and all implementations agree."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from sslbench.metrics.association import assign, framewise, match
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks


def at(*frames, kind="position"):
    return Tracks.of(np.arange(len(frames)), np.array(frames, dtype=float), kind)


def paired(estimate, truth, gate=np.inf):
    return match(Corpus.of([(estimate, truth)]), gate)


def random_tracks(rng, frames, tracks):
    active = rng.random((frames, tracks)) < 0.7
    return Tracks.of(np.arange(frames), rng.normal(size=(frames, tracks, 3)), "position", active)


@given(st.integers(0, 10**6), st.integers(0, 3), st.integers(0, 3))
def test_enumeration_agrees_with_scipy(seed, sources, estimates):
    rng = np.random.default_rng(seed)
    truth, estimate = random_tracks(rng, 8, sources), random_tracks(rng, 8, estimates)
    found = paired(estimate, truth)
    for frame in range(8):
        sources_there = truth.xyz[frame, truth.active[frame]]
        estimates_there = estimate.xyz[frame, estimate.active[frame]]
        cost = np.linalg.norm(sources_there[:, None] - estimates_there, axis=-1)
        first, second = linear_sum_assignment(cost)
        assert found.matched[frame].sum() == min(cost.shape)
        assert np.nansum(found.distance[frame]) == pytest.approx(cost[first, second].sum())


@pytest.mark.parametrize(("sources", "estimates"), [(4, 4), (5, 3), (2, 6)])
def test_many_sources_are_matched_as_by_exhaustive_search(sources, estimates):
    rng = np.random.default_rng(3)
    truth, estimate = rng.normal(size=(1, sources, 3)), rng.normal(size=(1, estimates, 3))
    found = paired(at(*estimate), at(*truth))
    cost = np.linalg.norm(truth[0][:, None] - estimate[0], axis=-1)
    if sources > estimates:
        cost = cost.T
    rows = np.arange(len(cost))
    best = min(cost[rows, list(p)].sum() for p in permutations(range(cost.shape[1]), len(cost)))
    assert np.nansum(found.distance) == pytest.approx(best)


def test_both_implementations_of_assign_agree():
    rng = np.random.default_rng(0)
    # Any pair can be forbidden, for example by a gate.
    cost, allowed = rng.random((500, 3, 3)), rng.random((500, 3, 3)) < 0.6
    assert (assign(cost, allowed) == framewise._assign_one_by_one(cost, allowed)).all()


def test_inactive_sources_and_estimates_are_not_matched():
    truth = Tracks.of([0], [[[0, 0, 0], [1, 0, 0]]], "position", [[False, True]])
    estimate = Tracks.of([0], [[[0, 0, 0], [9, 0, 0]]], "position", [[False, True]])
    assert paired(estimate, truth).partner.tolist() == [[-1, 1]]


def test_an_active_track_without_a_finite_place_is_inactive():
    nan = np.full((1, 1, 3), np.nan)
    estimate = Tracks(np.zeros(1), nan, "position", np.ones((1, 1), bool), np.zeros(1, int))
    found = paired(estimate, at([[0, 0, 0]]))
    assert not found.matched.any()
    assert not found.corpus.active_estimates.any()


def test_estimates_are_in_the_order_of_the_sources():
    found = paired(at([[5, 0, 0]]), at([[0, 0, 0], [4, 0, 0]]))
    assert np.array_equal(found.estimates[0], [[np.nan] * 3, [5, 0, 0]], equal_nan=True)


def test_a_pair_beyond_the_gate_is_not_matched():
    truth, estimate = at([[0, 0, 0]], [[0, 0, 0]]), at([[0.5, 0, 0]], [[0.6, 0, 0]])
    assert paired(estimate, truth, 0.5).partner.tolist() == [[0], [-1]]


def test_a_gate_keeps_the_largest_number_of_pairs():
    # The least summed distance would match only the nearer estimate and leave one source out.
    truth, estimate = at([[0, 0, 0], [1, 0, 0]]), at([[0.9, 0, 0], [1.9, 0, 0]])
    assert paired(estimate, truth, 1.0).partner.tolist() == [[0, 1]]


def test_the_first_of_tied_estimates_is_matched():
    truth, estimate = at([[0, 0, 0]]), at([[1, 0, 0], [-1, 0, 0]])
    assert paired(estimate, truth).partner.tolist() == [[0]]


def test_a_tie_on_a_line_goes_to_the_least_squares_in_any_order():
    # 0 to 3 and 1 to 2 have the same sum as 0 to 2 and 1 to 3.
    truth, estimate = at([[0, 0, 0], [1, 0, 0]]), at([[3, 0, 0], [2, 0, 0]])
    turned = at([[2, 0, 0], [3, 0, 0]])
    assert paired(estimate, truth).partner.tolist() == [[1, 0]]
    assert paired(turned, truth).partner.tolist() == [[0, 1]]


def test_stacked_recordings_are_matched_like_single_ones():
    rng = np.random.default_rng(1)
    several = (random_tracks(rng, 5, 1), random_tracks(rng, 5, 3))
    parts = [several, (at([[0, 0, 0]]), at([[1, 0, 0]]))]
    stacked = match(Corpus.of(parts))
    each = [paired(*part).distance for part in parts]
    assert np.array_equal(stacked.distance[:5], each[0], equal_nan=True)
    assert stacked.distance[5, 0] == each[1][0, 0]
