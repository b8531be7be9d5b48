"""IDF1 and its parts equal motmetrics and TrackEval."""

import motmetrics
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from trackeval.metrics import Identity

from helpers.identity_scenes import frames_of, scene, scenes, trackeval_data
from helpers.metric_cases import on_line, shuffled_turned_reversed
from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.association.identity import match_identity
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.idf1 import id_precision, id_recall, idf1
from sslbench.scene import Tracks

METRICS = {"IDF1": idf1, "IDP": id_precision, "IDR": id_recall}
KINDS = ("position", "direction")
GATES = {"position": 0.5, "direction": 20.0}
seeds = st.integers(0, 10**6)


def values(estimate, truth, gate=""):
    return [metric(gate)(estimate, truth) for metric in METRICS.values()]


def scores_of_motmetrics(estimate, truth):
    evaluator = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames_of(estimate, truth):
        near = frame.distance <= GATES[truth.kind]
        evaluator.update(frame.sources, frame.estimates, np.where(near, frame.distance, np.nan))
    names = ["idf1", "idp", "idr"]
    summary = motmetrics.metrics.create().compute(evaluator, metrics=names, return_dataframe=False)
    return [100 * summary[name] for name in names]


@pytest.fixture(scope="module", params=KINDS)
def pairs(request):
    return scenes(request.param)


@pytest.mark.filterwarnings("ignore::FutureWarning:motmetrics.*")
def test_every_scene_has_the_scores_of_motmetrics(pairs):
    active = [pair for pair in pairs if all(part.active.any() for part in pair)]
    assert len(active) >= 500
    found = [values(*pair) for pair in active]
    expected = [scores_of_motmetrics(*pair) for pair in active]
    np.testing.assert_allclose(found, expected, atol=1e-9, rtol=0)


def test_every_scene_has_the_scores_of_trackeval(pairs):
    evaluator = Identity({"PRINT_CONFIG": False})
    scores = [evaluator.eval_sequence(trackeval_data(*pair)) for pair in pairs]
    expected = [[100 * one[name] for name in METRICS] for one in scores]
    # TrackEval returns 0 where numerator and denominator are 0.
    np.testing.assert_allclose(
        np.nan_to_num([values(*pair) for pair in pairs]), expected, atol=1e-9, rtol=0
    )


def test_a_corpus_equals_sequences_combined_by_trackeval(pairs):
    evaluator = Identity({"PRINT_CONFIG": False})
    scores = {n: evaluator.eval_sequence(trackeval_data(*pair)) for n, pair in enumerate(pairs)}
    corpus, expected = Corpus.of(pairs), evaluator.combine_sequences(scores)
    for name, factory in METRICS.items():
        metric = factory()
        found = metric.value(metric.rows(corpus))
        assert found == pytest.approx(100 * expected[name], abs=1e-9)


def test_the_bijection_with_most_frames_is_preferred_to_most_pairs():
    truth = on_line([0] * 11, [5] * 11)
    estimate = on_line([0] * 10 + [5], [9] * 10 + [0])
    corpus = Corpus.of([(estimate, truth)])
    assert match_identity(corpus, 0.5).matched.sum() == 10


def test_a_source_keeps_its_estimate_for_the_whole_recording():
    truth, estimate = on_line([0] * 5), on_line([0, 0, 0, 9, 9], [9, 9, 9, 0, 0])
    assert match_identity(Corpus.of([(estimate, truth)]), 0.5).partner.T.tolist() == [
        [0, 0, 0, -1, -1]
    ]


def test_each_recording_has_its_own_bijection():
    truth = on_line([0] * 3, [5] * 3)
    straight, crossed = on_line([0] * 3, [5] * 3), on_line([5] * 3, [0] * 3)
    corpus = Corpus.of([(straight, truth), (crossed, truth)])
    assert match_identity(corpus, 0.5).partner[[0, 3]].tolist() == [[0, 1], [1, 0]]


def test_a_swap_halfway_halves_the_scores():
    truth = on_line([0] * 10, [5] * 10)
    estimate = on_line([0] * 5 + [5] * 5, [5] * 5 + [0] * 5)
    assert values(estimate, truth) == pytest.approx([50] * 3)


def test_rows_are_true_positives_false_positives_misses_and_sources():
    truth, estimate = on_line([0, 0, 0], [None, 5, 5]), on_line([0, 9, 0], [5, 5, None])
    columns = idf1().components(estimate, truth)
    assert columns.tolist() == [[1, 1, 0, 1], [1, 1, 1, 2], [1, 0, 1, 2]]


def test_a_distance_equal_to_the_gate_is_within_it():
    truth, estimate = on_line([0.0]), on_line([0.5])
    assert values(estimate, truth) == [100] * 3
    assert values(estimate, truth, "49cm") == [0] * 3


@pytest.mark.parametrize("columns", [0, 1])
def test_shares_are_undefined_without_a_denominator(columns):
    nothing = Tracks.of([0], np.full((1, columns, 3), np.nan), "position")
    something = on_line([0.0])
    assert values(nothing, nothing) == pytest.approx([np.nan] * 3, nan_ok=True)
    assert values(nothing, something) == pytest.approx([0, np.nan, 0], nan_ok=True)
    assert values(something, nothing) == pytest.approx([0, 0, np.nan], nan_ok=True)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, many=st.booleans())
@settings(max_examples=25)
def test_column_order_orientation_and_time_reversal_change_nothing(kind, seed, many):
    estimate, truth = scene(seed, kind, many)
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    changed = [shuffled_turned_reversed(part, rng, turn) for part in (estimate, truth)]
    assert values(*changed) == pytest.approx(values(estimate, truth), nan_ok=True)


@given(seed=seeds)
@settings(max_examples=15)
def test_scaling_space_and_gate_changes_nothing(seed):
    pair = scene(seed)
    scaled = [Tracks.of(part.times, 3 * part.xyz, part.kind, part.active) for part in pair]
    assert values(*scaled, "1.5m") == pytest.approx(values(*pair), nan_ok=True)


@pytest.mark.parametrize("metric", METRICS.values())
def test_a_gate_without_unit_is_an_error(metric):
    with pytest.raises(ParameterError, match=r"'20' is not a distance\n.*0\.5m, 30cm or 20deg"):
        metric("20")


def test_a_gate_in_degrees_does_not_apply_to_positions():
    with pytest.raises(FormatError, match="a metric of directions was applied to positions"):
        idf1("20deg")(*scene(0))
