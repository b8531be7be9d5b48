"""Pairs are the cheapest of all with the most members, whichever way they are found."""

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


def paired(answer, truth, gate=np.inf):
    return match(Corpus.of([(answer, truth)]), gate)


def random_tracks(rng, frames, tracks):
    active = rng.random((frames, tracks)) < 0.7
    return Tracks.of(np.arange(frames), rng.normal(size=(frames, tracks, 3)), "position", active)


@given(st.integers(0, 10**6), st.integers(0, 3), st.integers(0, 3))
def test_enumeration_agrees_with_scipy(seed, sources, answers):
    rng = np.random.default_rng(seed)
    truth, answer = random_tracks(rng, 8, sources), random_tracks(rng, 8, answers)
    found = paired(answer, truth)
    for frame in range(8):
        here = truth.xyz[frame, truth.active[frame]]
        there = answer.xyz[frame, answer.active[frame]]
        cost = np.linalg.norm(here[:, None] - there, axis=-1)
        first, second = linear_sum_assignment(cost)
        assert found.answered[frame].sum() == min(len(here), len(there))
        assert np.nansum(found.distance[frame]) == pytest.approx(cost[first, second].sum())


@pytest.mark.parametrize(("sources", "answers"), [(4, 4), (5, 3), (2, 6)])
def test_many_sources_are_matched_as_by_brute_force(sources, answers):
    rng = np.random.default_rng(3)
    truth, answer = rng.normal(size=(1, sources, 3)), rng.normal(size=(1, answers, 3))
    found = paired(at(*answer), at(*truth))
    cost = np.linalg.norm(truth[0][:, None] - answer[0], axis=-1)
    if sources > answers:
        cost = cost.T
    rows = np.arange(len(cost))
    best = min(cost[rows, list(p)].sum() for p in permutations(range(cost.shape[1]), len(cost)))
    assert np.nansum(found.distance) == pytest.approx(best)


def test_both_ways_of_assigning_agree():
    rng = np.random.default_rng(0)
    # Any pairs may be forbidden, as by a gate.
    cost, allowed = rng.random((500, 3, 3)), rng.random((500, 3, 3)) < 0.6
    assert (assign(cost, allowed) == framewise._assign_one_by_one(cost, allowed)).all()


def test_inactive_sources_and_answers_are_never_paired():
    truth = Tracks.of([0], [[[0, 0, 0], [1, 0, 0]]], "position", [[False, True]])
    answer = Tracks.of([0], [[[0, 0, 0], [9, 0, 0]]], "position", [[False, True]])
    assert paired(answer, truth).partner.tolist() == [[-1, 1]]


def test_active_without_a_place_counts_as_silent():
    nan = np.full((1, 1, 3), np.nan)
    answer = Tracks(np.zeros(1), nan, "position", np.ones((1, 1), bool), np.zeros(1, int))
    found = paired(answer, at([[0, 0, 0]]))
    assert not found.answered.any()
    assert not found.corpus.claimed.any()


def test_answers_stand_in_the_order_of_the_sources():
    found = paired(at([[5, 0, 0]]), at([[0, 0, 0], [4, 0, 0]]))
    assert np.array_equal(found.answers[0], [[np.nan] * 3, [5, 0, 0]], equal_nan=True)


def test_a_pair_beyond_the_gate_is_none():
    truth, answer = at([[0, 0, 0]], [[0, 0, 0]]), at([[0.5, 0, 0]], [[0.6, 0, 0]])
    assert paired(answer, truth, 0.5).partner.tolist() == [[0], [-1]]


def test_a_gate_keeps_as_many_pairs_as_it_can():
    # The least summed distance would take the nearer answer and leave the other source alone.
    truth, answer = at([[0, 0, 0], [1, 0, 0]]), at([[0.9, 0, 0], [1.9, 0, 0]])
    assert paired(answer, truth, 1.0).partner.tolist() == [[0, 1]]


def test_a_tie_goes_to_the_first():
    truth, answer = at([[0, 0, 0]]), at([[1, 0, 0], [-1, 0, 0]])
    assert paired(answer, truth).partner.tolist() == [[0]]


def test_a_tie_on_a_line_goes_to_the_least_squares_whatever_the_order():
    # 0 to 3 and 1 to 2 are as long together as 0 to 2 and 1 to 3.
    truth, answer = at([[0, 0, 0], [1, 0, 0]]), at([[3, 0, 0], [2, 0, 0]])
    turned = at([[2, 0, 0], [3, 0, 0]])
    assert paired(answer, truth).partner.tolist() == [[1, 0]]
    assert paired(turned, truth).partner.tolist() == [[0, 1]]


def test_stacked_recordings_give_the_pairs_of_each():
    rng = np.random.default_rng(1)
    several = (random_tracks(rng, 5, 1), random_tracks(rng, 5, 3))
    parts = [several, (at([[0, 0, 0]]), at([[1, 0, 0]]))]
    stacked = match(Corpus.of(parts))
    each = [paired(*part).distance for part in parts]
    assert np.array_equal(stacked.distance[:5], each[0], equal_nan=True)
    assert stacked.distance[5, 0] == each[1][0, 0]
