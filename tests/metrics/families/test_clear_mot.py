"""CLEAR-MOT is that of motmetrics under one rule, and that of TrackEval under the other."""

import motmetrics
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from trackeval.metrics import CLEAR

from helpers.identity_scenes import frames_of, scene, scenes, trackeval_data
from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.clear_mot import (
    clear_false_positives,
    clear_misses,
    fragmentations,
    id_switches,
    mota,
    motp,
)
from sslbench.metrics.uncertainty import Blocks
from sslbench.scene import Tracks

METRICS = (clear_misses, clear_false_positives, id_switches, fragmentations, mota, motp)
KINDS = ("position", "direction")
RULES = ("keep", "jointly")
GATES = {"position": 0.5, "direction": 20.0}
COUNTED = ("num_misses", "num_false_positives", "num_switches", "num_fragmentations")
QUIET = {"PRINT_CONFIG": False}
seeds = st.integers(0, 10**6)


def values(pair, rule="keep", gate=""):
    return corpus_values(Corpus.of([pair]), rule, gate)


def corpus_values(corpus, rule, gate=""):
    metrics = [metric(gate, rule) for metric in METRICS]
    return [metric.value(metric.rows(corpus)) for metric in metrics]


def on_line(*places):
    """Return tracks on a line, one list of places each, None where silent."""
    xyz = np.zeros((len(places[0]), len(places), 3))
    xyz[..., 0] = np.array(places, dtype=float).T
    return Tracks.of(np.arange(len(xyz)), np.where(np.isnan(xyz[..., :1]), np.nan, xyz), "position")


def in_percent(missed, false, sources):
    """Return the two counts as shares of the sources, in %."""
    return [100 * count / sources if sources else np.nan for count in (missed, false)]


def judged_by_motmetrics(pair):
    judge = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames_of(*pair):
        near = frame.distance <= GATES[pair[1].kind]
        judge.update(frame.sources, frame.answers, np.where(near, frame.distance, np.nan))
    names = [*COUNTED, "mota", "motp"]
    said = motmetrics.metrics.create().compute(judge, metrics=names, return_dataframe=False)
    missed, false, *rest = (said[name] for name in COUNTED)
    shares = in_percent(missed, false, pair[1].active.sum())
    return [*shares, *rest, 100 * said["mota"], said["motp"]]


def judged_by_trackeval(pairs):
    judge = CLEAR(QUIET)
    times = [{"num_timesteps": len(truth.times)} for _, truth in pairs]
    data = [trackeval_data(*pair) for pair in pairs]
    return [judge.eval_sequence(one | more) for one, more in zip(data, times, strict=True)]


def in_our_terms(said, kind):
    """Return what TrackEval says: its similarity is 1 - d / (2 gate), its MOTP 0 without pairs."""
    sources = said["CLR_TP"] + said["CLR_FN"]
    precision = 2 * GATES[kind] * (1 - said["MOTP"]) if said["CLR_TP"] else np.nan
    return [
        *in_percent(said["CLR_FN"], said["CLR_FP"], sources),
        said["IDSW"],
        said["Frag"],
        100 * said["MOTA"] if sources else np.nan,
        precision,
    ]


@pytest.fixture(scope="module", params=KINDS)
def pairs(request):
    return scenes(request.param)


@pytest.mark.filterwarnings("ignore::FutureWarning:motmetrics.*")
def test_every_scene_scores_as_under_motmetrics(pairs):
    # It divides infinities where nothing sounds.
    sounding = [pair for pair in pairs if pair[1].active.any()]
    assert len(sounding) >= 500
    expected = [judged_by_motmetrics(pair) for pair in sounding]
    found = [values(pair, "keep") for pair in sounding]
    np.testing.assert_allclose(found, expected, atol=1e-9, rtol=0)


def test_every_scene_scores_as_under_trackeval(pairs):
    said = judged_by_trackeval(pairs)
    expected = [in_our_terms(one, pair[1].kind) for one, pair in zip(said, pairs, strict=True)]
    found = [values(pair, "jointly") for pair in pairs]
    np.testing.assert_allclose(found, expected, atol=1e-9, rtol=0)


def test_a_corpus_scores_as_sequences_combined_by_trackeval(pairs):
    corpus = Corpus.of(pairs)
    combined = CLEAR(QUIET).combine_sequences(dict(enumerate(judged_by_trackeval(pairs))))
    expected = in_our_terms(combined, corpus.kind)
    np.testing.assert_allclose(corpus_values(corpus, "jointly"), expected, atol=1e-9, rtol=0)


def test_the_rules_differ_on_some_scenes(pairs):
    differ = [values(pair, "keep") != values(pair, "jointly") for pair in pairs[:200]]
    assert sum(differ) >= 5


def test_a_swap_costs_two_switches_and_nothing_else():
    truth = on_line([0] * 10, [5] * 10)
    answer = on_line([0] * 5 + [5] * 5, [5] * 5 + [0] * 5)
    assert values((answer, truth)) == [0, 0, 2, 0, 90, 0]


def test_an_answer_beyond_the_gate_is_a_miss_and_a_false_positive():
    truth, answer = on_line([0] * 4), on_line([0.1, 9, 0.3, None])
    misses, false, switches, fragments, accuracy, precision = values((answer, truth))
    assert (misses, false, switches, fragments) == (50, 25, 0, 1)
    assert accuracy == 25
    assert precision == pytest.approx(0.2)


def test_the_gate_itself_is_near_enough():
    truth, answer = on_line([0.0]), on_line([0.5])
    for rule in RULES:
        assert mota("", rule)(answer, truth) == 100
        assert mota("49cm", rule)(answer, truth) == -100


def test_accuracy_has_no_lower_bound():
    truth = on_line([0, 0])
    assert mota()(on_line(*([9 + n] * 2 for n in range(20))), truth) == -2000


def test_silence_of_a_source_interrupts_it_under_one_rule_only():
    truth, answer = on_line([0, None, 0], [5, 5, 5]), on_line([0, 0, 0], [5, 5, 5])
    found = {rule: fragmentations("", rule)(answer, truth) for rule in RULES}
    assert found == {"keep": 0, "jointly": 1}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("columns", [0, 1])
def test_shares_of_nothing_are_undefined(rule, columns):
    nothing = Tracks.of([0], np.full((1, columns, 3), np.nan), "position")
    something = on_line([0.0])
    nan = np.nan
    assert values((nothing, nothing), rule) == pytest.approx(
        [nan, nan, 0, 0, nan, nan], nan_ok=True
    )
    assert values((nothing, something), rule) == pytest.approx([100, 0, 0, 0, 0, nan], nan_ok=True)
    assert values((something, nothing), rule) == pytest.approx(
        [nan, nan, 0, 0, nan, nan], nan_ok=True
    )


def test_identities_are_not_followed_across_recordings():
    truth = on_line([0, 0])
    first, second = on_line([0, 0], [9, 9]), on_line([9, 9], [0, 0])
    corpus = Corpus.of([(first, truth), (second, truth)])
    metric = id_switches()
    assert metric.value(metric.rows(corpus)) == 0


def test_metrics_share_one_association():
    corpus = Corpus.of([scene(0)])
    for metric in METRICS:
        metric().rows(corpus)
    assert len([key for key in corpus._known if key[0].__name__ == "follow"]) == 1


def test_values_are_over_the_sources_and_precision_over_the_pairs():
    truth, answer = on_line([0, 0, 0]), on_line([0, 9, 0])
    counts = [
        metric().tally(metric().components(answer, truth), Blocks.of([3])) for metric in METRICS
    ]
    assert [count.n for count in counts] == [3, 3, 3, 3, 3, 2]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, many=st.booleans())
@settings(max_examples=25, deadline=None)
def test_turning_the_room_and_naming_answers_anew_changes_nothing(rule, kind, seed, many):
    answer, truth = scene(seed, kind, many)
    order = np.random.default_rng(seed).permutation(answer.xyz.shape[1])
    turn = Rotation.random(random_state=seed).as_matrix()
    turned = (
        Tracks.of(answer.times, answer.xyz[:, order] @ turn, kind, answer.active[:, order]),
        Tracks.of(truth.times, truth.xyz @ turn, kind, truth.active),
    )
    expected = pytest.approx(values((answer, truth), rule), nan_ok=True)
    assert values(turned, rule) == expected


@pytest.mark.parametrize("rule", RULES)
@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_scaling_space_and_gate_scales_the_precision_alone(rule, seed):
    pair = scene(seed)
    scaled = [Tracks.of(part.times, 3 * part.xyz, part.kind, part.active) for part in pair]
    *others, precision = values(pair, rule)
    expected = pytest.approx([*others, 3 * precision], nan_ok=True)
    assert values(scaled, rule, "1.5m") == expected


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_the_order_of_sources_changes_nothing_under_the_joint_rule(seed):
    answer, truth = scene(seed)
    order = np.random.default_rng(seed).permutation(truth.xyz.shape[1])
    other = Tracks.of(truth.times, truth.xyz[:, order], truth.kind, truth.active[:, order])
    expected = pytest.approx(values((answer, truth), "jointly"), nan_ok=True)
    assert values((answer, other), "jointly") == expected


@pytest.mark.parametrize("metric", METRICS)
def test_a_gate_without_unit_is_refused(metric):
    with pytest.raises(ParameterError, match=r"'20' is no distance\n.*0\.5m, 30cm or 20deg"):
        metric("20")


@pytest.mark.parametrize("metric", METRICS)
def test_an_unknown_rule_is_refused(metric):
    with pytest.raises(ParameterError, match=r"no rule 'both' .*\n.*keep or jointly"):
        metric("", "both")


@pytest.mark.parametrize("metric", METRICS)
def test_a_gate_in_degrees_compares_no_positions(metric):
    with pytest.raises(FormatError, match="a metric of directions was given positions"):
        metric("20deg")(*scene(0))
