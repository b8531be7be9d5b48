"""Pairs go on while they are near; both ways of finding them agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.identity_scenes import scene, scenes
from sslbench.errors import ParameterError
from sslbench.metrics.association import continuity, match
from sslbench.metrics.association.continuity import RULES, follow, last_before
from sslbench.metrics.corpus import Corpus
from sslbench.scene import Tracks

GATES = {"position": 0.5, "direction": 20.0}


def on_line(*places):
    """Return tracks on a line, one list of places each, None where silent."""
    xyz = np.zeros((len(places[0]), len(places), 3))
    xyz[..., 0] = np.array(places, dtype=float).T
    return Tracks.of(np.arange(len(xyz)), np.where(np.isnan(xyz[..., :1]), np.nan, xyz), "position")


def followed(answer, truth, rule="keep", gate=1.0):
    return follow(Corpus.of([(answer, truth)]), gate, rule)


def partners(*case, **options):
    return followed(*case, **options).matches.partner.tolist()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", GATES)
def test_the_automaton_takes_the_steps_of_a_loop(rule, kind, monkeypatch):
    pairs = scenes(kind, count=300, many=0)
    quick = follow(Corpus.of(pairs), GATES[kind], rule)
    monkeypatch.setattr(continuity, "ENUMERATED", 0)
    slow = follow(Corpus.of(pairs), GATES[kind], rule)
    assert (quick.matches.partner == slow.matches.partner).all()
    assert quick.switched.any()
    assert (quick.switched == slow.switched).all()
    assert (quick.resumed == slow.resumed).all()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", [1, 7])
def test_frames_are_remembered_from_chunk_to_chunk(rule, size, monkeypatch):
    corpus = Corpus.of(scenes("position", count=40, many=0))
    whole = follow(corpus, 0.5, rule)
    monkeypatch.setattr(continuity, "AT_ONCE", size)
    assert (follow(corpus, 0.5, rule).matches.partner == whole.matches.partner).all()


@pytest.mark.parametrize("rule", RULES)
def test_a_near_pair_is_kept_although_another_answer_is_nearer(rule):
    truth, answer = on_line([0, 0, 0]), on_line([0.1, 0.5, 0.5], [0.5, 0.1, 0.1])
    assert partners(answer, truth, rule=rule) == [[0], [0], [0]]


@pytest.mark.parametrize("rule", RULES)
def test_a_pair_that_parts_beyond_the_gate_is_given_up_for_a_switch(rule):
    truth, answer = on_line([0, 0, 0]), on_line([0.1, 3, 3], [0.5, 0.1, 0.1])
    found = followed(answer, truth, rule)
    assert found.matches.partner.T.tolist() == [[0, 1, 1]]
    assert found.switched.T.tolist() == [[False, True, False]]


def test_only_one_rule_remembers_beyond_a_frame():
    # The old answer comes back at a distance after one frame beyond the gate.
    truth, answer = on_line([0, 0, 0]), on_line([0.1, 9, 0.6], [9, 9, 0.3])
    assert partners(answer, truth, rule="keep") == [[0], [-1], [0]]
    assert partners(answer, truth, rule="jointly") == [[0], [-1], [1]]


@pytest.mark.parametrize("silent", ["source", "answers"])
def test_silence_of_all_is_no_frame_before(silent):
    truth = on_line([0, None if silent == "source" else 0, 0])
    gap = None if silent == "answers" else 0.3
    answer = on_line([0.1, gap, 0.6], [9, gap, 0.3])
    assert partners(answer, truth, rule="jointly") == [[0], [-1], [0]]


def test_of_two_sources_with_one_last_answer_the_first_keeps_it():
    # Answer 0 leaves source 0 for source 1, and both sources come near it at the end.
    truth = on_line([0, None, 5.4], [9, 5, 5.0])
    answer = on_line([0, 5, 5.0], [None, None, 4.8])
    assert partners(answer, truth, rule="keep") == [[0, -1], [-1, 0], [0, 1]]
    assert partners(answer, truth, rule="jointly") == [[0, -1], [-1, 0], [1, 0]]


def test_most_pairs_come_first_under_one_rule_and_similarity_under_the_other():
    # Three pairs just within the gate, or two almost without error.
    truth, answer = on_line([0], [1], [2]), on_line([0.99], [1.99], [2.99])
    assert partners(answer, truth, rule="keep") == [[0, 1, 2]]
    assert partners(answer, truth, rule="jointly") == [[-1, 0, 1]]


@pytest.mark.parametrize("rule", RULES)
def test_pairs_of_first_frames_are_those_of_frames_on_their_own(rule):
    pairs = [(a, t) for a, t in scenes("position", 200, 20) if max(a.xyz.shape[1], 2) == 2]
    single = [
        tuple(Tracks.of(x.times[:1], x.xyz[:1], x.kind, x.active[:1]) for x in pair)
        for pair in pairs
    ]
    corpus = Corpus.of(single)
    assert (follow(corpus, 0.5, rule).matches.partner == match(corpus, 0.5).partner).all()


def test_without_a_gate_a_pair_is_kept_for_ever():
    truth, answer = on_line([0, 0, 0], [5, 5, 5]), on_line([0, 5, 5], [5, 0, 0])
    assert partners(answer, truth, gate=np.inf) == [[0, 1]] * 3


def test_an_answer_after_none_is_resumed_where_the_source_sounded():
    truth = on_line([0, 0, 0, None, 0])
    found = followed(on_line([0, 9, 0, 0, 0]), truth)
    assert found.resumed.T.tolist() == [[False, False, True, False, False]]


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_remembered_of_another_recording(rule):
    truth = on_line([0, 0])
    recordings = [(on_line([0, 0], [9, 9]), truth), (on_line([0.4, 0.4], [0.1, 0.1]), truth)]
    found = follow(Corpus.of(recordings), 1.0, rule)
    assert found.matches.partner.T.tolist() == [[0, 0, 1, 1]]
    assert not found.switched.any()
    assert not found.resumed.any()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(("sources", "answers"), [(0, 2), (2, 0), (0, 0)])
def test_no_columns_give_no_pairs(rule, sources, answers):
    truth, answer = (
        Tracks.of([0, 1], np.zeros((2, columns, 3)), "position") for columns in (sources, answers)
    )
    found = followed(answer, truth, rule)
    assert found.matches.partner.tolist() == [[-1] * sources] * 2
    assert found.switched.shape == found.resumed.shape == (2, sources)


@pytest.mark.parametrize("rule", RULES)
def test_no_frames_give_no_pairs(rule):
    assert follow(Corpus.of([]), 1.0, rule).matches.partner.shape == (0, 0)


@pytest.mark.parametrize("rule", RULES)
@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_pairs_are_one_to_one_and_within_the_gate(rule, seed, many):
    corpus = Corpus.of([scene(seed, many=many)])
    found = follow(corpus, 0.5, rule).matches
    assert np.nanmax(found.distance, initial=0) <= 0.5
    frame, source = np.nonzero(found.answered)
    assert corpus.possible[frame, source, found.partner[frame, source]].all()
    for row in found.partner:
        assert len(set(row[row >= 0])) == (row >= 0).sum()


def test_earlier_frames_are_looked_for_in_the_same_recording_only():
    track = on_line([0, 0, 0])
    corpus = Corpus.of([(track, track), (track, track)])
    flags = np.array([[1, 0, 1, 0, 1, 0]], dtype=bool).T
    assert last_before(corpus, flags).T.tolist() == [[-1, 0, 0, -1, -1, 4]]


def test_an_unknown_rule_is_refused():
    with pytest.raises(ParameterError, match=r"no rule 'both' .*\n.*keep or jointly"):
        follow(Corpus.of([scene(0)]), 0.5, "both")


def test_the_joint_rule_wants_a_gate():
    with pytest.raises(ParameterError, match="the rule 'jointly' without a gate"):
        follow(Corpus.of([scene(0)]), np.inf, "jointly")
