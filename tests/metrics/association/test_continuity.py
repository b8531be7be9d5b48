"""Pairs are kept while they are near, and both implementations agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.identity_scenes import scene, scenes
from helpers.metric_cases import on_line
from sslbench.errors import ParameterError
from sslbench.metrics.association import continuity, match
from sslbench.metrics.association.continuity import RULE, match_continuous
from sslbench.metrics.association.history import last_before
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks

RULES = RULE.choices
GATES = {"position": 0.5, "direction": 20.0}


def followed(estimate, truth, rule="keep", gate=1.0):
    return match_continuous(Corpus.of([(estimate, truth)]), gate, rule)


def partners(*case, **options):
    return followed(*case, **options).matches.partner.tolist()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", GATES)
def test_the_automaton_agrees_with_a_loop(rule, kind, monkeypatch):
    pairs = scenes(kind, count=300, many=0)
    quick = match_continuous(Corpus.of(pairs), GATES[kind], rule)
    monkeypatch.setattr(continuity, "ENUMERATED", 0)
    slow = match_continuous(Corpus.of(pairs), GATES[kind], rule)
    assert (quick.matches.partner == slow.matches.partner).all()
    assert quick.switched.any()
    assert (quick.switched == slow.switched).all()
    assert (quick.resumed == slow.resumed).all()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [1, 7])
def test_matches_do_not_depend_on_the_chunk_size(rule, size, monkeypatch):
    corpus = Corpus.of(scenes("position", count=40, many=0))
    whole = match_continuous(corpus, 0.5, rule)
    monkeypatch.setattr(continuity, "CHUNK", size)
    assert (match_continuous(corpus, 0.5, rule).matches.partner == whole.matches.partner).all()


@pytest.mark.parametrize("rule", RULES)
def test_a_near_pair_is_kept_although_another_estimate_is_nearer(rule):
    truth, estimate = on_line([0, 0, 0]), on_line([0.1, 0.5, 0.5], [0.5, 0.1, 0.1])
    assert partners(estimate, truth, rule=rule) == [[0], [0], [0]]


@pytest.mark.parametrize("rule", RULES)
def test_a_pair_beyond_the_gate_is_dropped_and_the_source_switches(rule):
    truth, estimate = on_line([0, 0, 0]), on_line([0.1, 3, 3], [0.5, 0.1, 0.1])
    found = followed(estimate, truth, rule)
    assert found.matches.partner.T.tolist() == [[0, 1, 1]]
    assert found.switched.T.tolist() == [[False, True, False]]


def test_only_keep_remembers_a_pair_across_frames():
    # After one frame beyond the gate, the old estimate returns farther away than the new one.
    truth, estimate = on_line([0, 0, 0]), on_line([0.1, 9, 0.6], [9, 9, 0.3])
    assert partners(estimate, truth, rule="keep") == [[0], [-1], [0]]
    assert partners(estimate, truth, rule="jointly") == [[0], [-1], [1]]


@pytest.mark.parametrize("inactive", ["source", "estimates"])
def test_frames_without_sources_or_estimates_are_skipped_when_looking_back(inactive):
    truth = on_line([0, None if inactive == "source" else 0, 0])
    gap = None if inactive == "estimates" else 0.3
    estimate = on_line([0.1, gap, 0.6], [9, gap, 0.3])
    assert partners(estimate, truth, rule="jointly") == [[0], [-1], [0]]


def test_the_first_of_two_sources_with_the_same_last_estimate_keeps_it():
    # Estimate 0 moves from source 0 to source 1, and is near both sources at the end.
    truth = on_line([0, None, 5.4], [9, 5, 5.0])
    estimate = on_line([0, 5, 5.0], [None, None, 4.8])
    assert partners(estimate, truth, rule="keep") == [[0, -1], [-1, 0], [0, 1]]
    assert partners(estimate, truth, rule="jointly") == [[0, -1], [-1, 0], [1, 0]]


def test_keep_maximizes_pairs_and_jointly_maximizes_similarity():
    # Either three pairs just within the gate, or two pairs with almost no error.
    truth, estimate = on_line([0], [1], [2]), on_line([0.99], [1.99], [2.99])
    assert partners(estimate, truth, rule="keep") == [[0, 1, 2]]
    assert partners(estimate, truth, rule="jointly") == [[-1, 0, 1]]


@pytest.mark.parametrize("rule", RULES)
def test_first_frames_are_matched_like_single_frames(rule):
    pairs = [(a, t) for a, t in scenes("position", 200, 20) if max(a.xyz.shape[1], 2) == 2]
    single = [
        tuple(Tracks.of(x.times[:1], x.xyz[:1], x.kind, x.active[:1]) for x in pair)
        for pair in pairs
    ]
    corpus = Corpus.of(single)
    assert (match_continuous(corpus, 0.5, rule).matches.partner == match(corpus, 0.5).partner).all()


def test_without_a_gate_a_pair_is_always_kept():
    truth, estimate = on_line([0, 0, 0], [5, 5, 5]), on_line([0, 5, 5], [5, 0, 0])
    assert partners(estimate, truth, gate=np.inf) == [[0, 1]] * 3


def test_a_source_is_resumed_if_it_was_active_but_unmatched():
    truth = on_line([0, 0, 0, None, 0])
    found = followed(on_line([0, 9, 0, 0, 0]), truth)
    assert found.resumed.T.tolist() == [[False, False, True, False, False]]


@pytest.mark.parametrize("rule", RULES)
def test_pairs_are_not_carried_to_the_next_recording(rule):
    truth = on_line([0, 0])
    recordings = [(on_line([0, 0], [9, 9]), truth), (on_line([0.4, 0.4], [0.1, 0.1]), truth)]
    found = match_continuous(Corpus.of(recordings), 1.0, rule)
    assert found.matches.partner.T.tolist() == [[0, 0, 1, 1]]
    assert not found.switched.any()
    assert not found.resumed.any()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("sources", "estimates"), [(0, 2), (2, 0), (0, 0)])
def test_tracks_without_columns_have_no_pairs(rule, sources, estimates):
    truth, estimate = (
        Tracks.of([0, 1], np.zeros((2, columns, 3)), "position") for columns in (sources, estimates)
    )
    found = followed(estimate, truth, rule)
    assert found.matches.partner.tolist() == [[-1] * sources] * 2
    assert found.switched.shape == found.resumed.shape == (2, sources)


@pytest.mark.parametrize("rule", RULES)
def test_an_empty_corpus_has_no_pairs(rule):
    assert match_continuous(Corpus.of([]), 1.0, rule).matches.partner.shape == (0, 0)


@pytest.mark.parametrize("rule", RULES)
@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=40)
def test_pairs_are_one_to_one_and_within_the_gate(rule, seed, many):
    corpus = Corpus.of([scene(seed, many=many)])
    found = match_continuous(corpus, 0.5, rule).matches
    assert np.nanmax(found.distance, initial=0) <= 0.5
    frame, source = np.nonzero(found.matched)
    assert corpus.both_active[frame, source, found.partner[frame, source]].all()
    for row in found.partner:
        assert len(set(row[row >= 0])) == (row >= 0).sum()


def test_last_before_does_not_look_into_other_recordings():
    track = on_line([0, 0, 0])
    corpus = Corpus.of([(track, track), (track, track)])
    flags = np.array([[1, 0, 1, 0, 1, 0]], dtype=bool).T
    assert last_before(corpus, flags).T.tolist() == [[-1, 0, 0, -1, -1, 4]]


def test_an_unknown_rule_is_an_error():
    with pytest.raises(ParameterError, match=r"rule=both is not allowed\n.*keep, jointly"):
        match_continuous(Corpus.of([scene(0)]), 0.5, "both")


def test_jointly_without_a_gate_is_an_error():
    with pytest.raises(ParameterError, match="rule=jointly needs a gate"):
        match_continuous(Corpus.of([scene(0)]), np.inf, "jointly")
