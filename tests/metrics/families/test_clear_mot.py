"""CLEAR-MOT equals motmetrics with rule=keep, and TrackEval with rule=jointly."""

import motmetrics
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from trackeval.metrics import CLEAR

from helpers.identity_scenes import frames_of, scene, scenes, trackeval_data
from helpers.metric_cases import on_line
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
OPTIONS = {"PRINT_CONFIG": False}
seeds = st.integers(0, 10**6)


def values(pair, rule="keep", gate=""):
    return corpus_values(Corpus.of([pair]), rule, gate)


def corpus_values(corpus, rule, gate=""):
    metrics = [metric(gate, rule) for metric in METRICS]
    return [metric.value(metric.rows(corpus)) for metric in metrics]


def in_percent(missed, false, sources):
    """Return the two counts as shares of the sources, in %."""
    return [100 * count / sources if sources else np.nan for count in (missed, false)]


def scores_of_motmetrics(pair):
    evaluator = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames_of(*pair):
        near = frame.distance <= GATES[pair[1].kind]
        evaluator.update(frame.sources, frame.estimates, np.where(near, frame.distance, np.nan))
    names = [*COUNTED, "mota", "motp"]
    scores = motmetrics.metrics.create().compute(evaluator, metrics=names, return_dataframe=False)
    missed, false, *rest = (scores[name] for name in COUNTED)
    shares = in_percent(missed, false, pair[1].active.sum())
    return [*shares, *rest, 100 * scores["mota"], scores["motp"]]


def scores_of_trackeval(pairs):
    evaluator = CLEAR(OPTIONS)
    times = [{"num_timesteps": len(truth.times)} for _, truth in pairs]
    data = [trackeval_data(*pair) for pair in pairs]
    return [evaluator.eval_sequence(one | more) for one, more in zip(data, times, strict=True)]


def converted(scores, kind):
    """Convert scores of TrackEval: similarity is 1 - d / (2 gate), MOTP is 0 without pairs."""
    sources = scores["CLR_TP"] + scores["CLR_FN"]
    precision = 2 * GATES[kind] * (1 - scores["MOTP"]) if scores["CLR_TP"] else np.nan
    return [
        *in_percent(scores["CLR_FN"], scores["CLR_FP"], sources),
        scores["IDSW"],
        scores["Frag"],
        100 * scores["MOTA"] if sources else np.nan,
        precision,
    ]


@pytest.fixture(scope="module", params=KINDS)
def pairs(request):
    return scenes(request.param)


@pytest.mark.filterwarnings("ignore::FutureWarning:motmetrics.*")
def test_keep_equals_motmetrics_in_every_scene(pairs):
    # motmetrics divides infinities if no source is active.
    active = [pair for pair in pairs if pair[1].active.any()]
    assert len(active) >= 500
    expected = [scores_of_motmetrics(pair) for pair in active]
    found = [values(pair, "keep") for pair in active]
    np.testing.assert_allclose(found, expected, atol=1e-9, rtol=0)


def test_jointly_equals_trackeval_in_every_scene(pairs):
    scores = scores_of_trackeval(pairs)
    expected = [converted(one, pair[1].kind) for one, pair in zip(scores, pairs, strict=True)]
    found = [values(pair, "jointly") for pair in pairs]
    np.testing.assert_allclose(found, expected, atol=1e-9, rtol=0)


def test_a_corpus_equals_sequences_combined_by_trackeval(pairs):
    corpus = Corpus.of(pairs)
    combined = CLEAR(OPTIONS).combine_sequences(dict(enumerate(scores_of_trackeval(pairs))))
    expected = converted(combined, corpus.kind)
    np.testing.assert_allclose(corpus_values(corpus, "jointly"), expected, atol=1e-9, rtol=0)


def test_the_rules_differ_in_some_scenes(pairs):
    differ = [values(pair, "keep") != values(pair, "jointly") for pair in pairs[:200]]
    assert sum(differ) >= 5


def test_a_swap_causes_two_switches_and_no_other_error():
    truth = on_line([0] * 10, [5] * 10)
    estimate = on_line([0] * 5 + [5] * 5, [5] * 5 + [0] * 5)
    assert values((estimate, truth)) == [0, 0, 2, 0, 90, 0]


def test_an_estimate_beyond_the_gate_is_a_miss_and_a_false_positive():
    truth, estimate = on_line([0] * 4), on_line([0.1, 9, 0.3, None])
    misses, false, switches, fragments, accuracy, precision = values((estimate, truth))
    assert (misses, false, switches, fragments) == (50, 25, 0, 1)
    assert accuracy == 25
    assert precision == pytest.approx(0.2)


def test_a_distance_equal_to_the_gate_is_within_it():
    truth, estimate = on_line([0.0]), on_line([0.5])
    for rule in RULES:
        assert mota("", rule)(estimate, truth) == 100
        assert mota("49cm", rule)(estimate, truth) == -100


def test_mota_has_no_lower_bound():
    truth = on_line([0, 0])
    assert mota()(on_line(*([9 + n] * 2 for n in range(20))), truth) == -2000


def test_a_pause_of_a_source_is_a_fragmentation_only_with_jointly():
    truth, estimate = on_line([0, None, 0], [5, 5, 5]), on_line([0, 0, 0], [5, 5, 5])
    found = {rule: fragmentations("", rule)(estimate, truth) for rule in RULES}
    assert found == {"keep": 0, "jointly": 1}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("columns", [0, 1])
def test_shares_are_undefined_without_a_denominator(rule, columns):
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


def test_all_metrics_share_one_matching():
    corpus = Corpus.of([scene(0)])
    for metric in METRICS:
        metric().rows(corpus)
    assert len([key for key in corpus._cache if key[0].__name__ == "match_continuous"]) == 1


def test_n_is_the_number_of_sources_and_for_motp_of_pairs():
    truth, estimate = on_line([0, 0, 0]), on_line([0, 9, 0])
    counts = [
        metric().summarize(metric().components(estimate, truth), Blocks.of([3]))
        for metric in METRICS
    ]
    assert [count.n for count in counts] == [3, 3, 3, 3, 3, 2]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, many=st.booleans())
@settings(max_examples=25)
def test_turning_the_room_and_reordering_estimates_changes_nothing(rule, kind, seed, many):
    estimate, truth = scene(seed, kind, many)
    order = np.random.default_rng(seed).permutation(estimate.xyz.shape[1])
    turn = Rotation.random(random_state=seed).as_matrix()
    turned = (
        Tracks.of(estimate.times, estimate.xyz[:, order] @ turn, kind, estimate.active[:, order]),
        Tracks.of(truth.times, truth.xyz @ turn, kind, truth.active),
    )
    expected = pytest.approx(values((estimate, truth), rule), nan_ok=True)
    assert values(turned, rule) == expected


@pytest.mark.parametrize("rule", RULES)
@given(seed=seeds)
@settings(max_examples=15)
def test_scaling_space_and_gate_scales_only_motp(rule, seed):
    pair = scene(seed)
    scaled = [Tracks.of(part.times, 3 * part.xyz, part.kind, part.active) for part in pair]
    *others, precision = values(pair, rule)
    expected = pytest.approx([*others, 3 * precision], nan_ok=True)
    assert values(scaled, rule, "1.5m") == expected


@given(seed=seeds)
@settings(max_examples=25)
def test_the_order_of_sources_changes_nothing_with_jointly(seed):
    estimate, truth = scene(seed)
    order = np.random.default_rng(seed).permutation(truth.xyz.shape[1])
    other = Tracks.of(truth.times, truth.xyz[:, order], truth.kind, truth.active[:, order])
    expected = pytest.approx(values((estimate, truth), "jointly"), nan_ok=True)
    assert values((estimate, other), "jointly") == expected


@pytest.mark.parametrize("metric", METRICS)
def test_a_gate_without_unit_is_an_error(metric):
    with pytest.raises(ParameterError, match=r"'20' is not a distance\n.*0\.5m, 30cm or 20deg"):
        metric("20")


@pytest.mark.parametrize("metric", METRICS)
def test_an_unknown_rule_is_an_error(metric):
    with pytest.raises(ParameterError, match=r"rule=both is not allowed\n.*keep, jointly"):
        metric("", "both")


@pytest.mark.parametrize("metric", METRICS)
def test_a_gate_in_degrees_does_not_apply_to_positions(metric):
    with pytest.raises(FormatError, match="a metric of directions was applied to positions"):
        metric("20deg")(*scene(0))
