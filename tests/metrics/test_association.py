"""Pairs are the cheapest of all with the most members, whichever way they are found."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from sslbench.errors import FormatError
from sslbench.metrics import association
from sslbench.metrics.association import assign, match, stack_tracks
from sslbench.scene import Tracks


def at(*frames, kind="position"):
    return Tracks.of(np.arange(len(frames)), np.array(frames, dtype=float), kind)


def random_tracks(rng, frames, tracks):
    active = rng.random((frames, tracks)) < 0.7
    return Tracks.of(np.arange(frames), rng.normal(size=(frames, tracks, 3)), "position", active)


@given(st.integers(0, 10**6), st.integers(0, 3), st.integers(0, 3))
def test_enumeration_agrees_with_scipy(seed, sources, answers):
    rng = np.random.default_rng(seed)
    truth, answer = random_tracks(rng, 8, sources), random_tracks(rng, 8, answers)
    found = match(answer, truth)
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
    found = match(at(*answer), at(*truth))
    cost = np.linalg.norm(truth[0][:, None] - answer[0], axis=-1)
    if sources > answers:
        cost = cost.T
    rows = np.arange(len(cost))
    best = min(cost[rows, list(p)].sum() for p in permutations(range(cost.shape[1]), len(cost)))
    assert np.nansum(found.distance) == pytest.approx(best)


def test_both_ways_of_assigning_agree():
    rng = np.random.default_rng(0)
    cost, allowed = rng.random((200, 3, 3)), rng.random((200, 3, 3)) < 0.6
    # Whole rows and columns, as activity gives them.
    allowed = allowed[:, :, :1] & allowed[:, :1]
    assert (assign(cost, allowed) == association._assign_one_by_one(cost, allowed)).all()


def test_inactive_sources_and_answers_are_never_paired():
    truth = Tracks.of([0], [[[0, 0, 0], [1, 0, 0]]], "position", [[False, True]])
    answer = Tracks.of([0], [[[0, 0, 0], [9, 0, 0]]], "position", [[False, True]])
    assert match(answer, truth).partner.tolist() == [[-1, 1]]


def test_active_without_a_place_counts_as_silent():
    nan = np.full((1, 1, 3), np.nan)
    answer = Tracks(np.zeros(1), nan, "position", np.ones((1, 1), bool), np.zeros(1, int))
    found = match(answer, at([[0, 0, 0]]))
    assert not found.answered.any()
    assert found.claimed.tolist() == [0]


def test_answers_stand_in_the_order_of_the_sources():
    found = match(at([[5, 0, 0]]), at([[0, 0, 0], [4, 0, 0]]))
    assert np.array_equal(found.answers[0], [[np.nan] * 3, [5, 0, 0]], equal_nan=True)


def test_stacked_recordings_give_the_pairs_of_each():
    rng = np.random.default_rng(1)
    several = (random_tracks(rng, 5, 1), random_tracks(rng, 5, 3))
    parts = [several, (at([[0, 0, 0]]), at([[1, 0, 0]]))]
    stacked = match(stack_tracks([p for p, _ in parts]), stack_tracks([t for _, t in parts]))
    each = [match(*part).distance for part in parts]
    assert np.array_equal(stacked.distance[:5], each[0], equal_nan=True)
    assert stacked.distance[5, 0] == each[1][0, 0]


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
        match(answer, at([[0, 0, 0]]), "rec-1")


def test_a_direction_must_have_length_one():
    north = at([[1, 0, 0]], kind="direction")
    with pytest.raises(FormatError, match=r"rec-1: answer: a direction of length 0"):
        match(at([[0, 0, 0]], kind="direction"), north, "rec-1")
