"""HOTA and its parts equal TrackEval, and have the intended properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from trackeval.metrics import HOTA

from helpers.identity_scenes import scene, scenes, trackeval_data
from helpers.metric_cases import shuffled_turned_reversed
from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.hota import (
    ass_a,
    ass_pr,
    ass_re,
    det_a,
    det_pr,
    det_re,
    hota,
    loc_a,
)
from sslbench.scene import Tracks

METRICS = {"HOTA": hota, "DetA": det_a, "AssA": ass_a, "LocA": loc_a}
PARTS = {"DetRe": det_re, "DetPr": det_pr, "AssRe": ass_re, "AssPr": ass_pr}
KINDS = ("position", "direction")
seeds = st.integers(0, 10**6)


def values(estimate, truth, zero=""):
    return [metric(zero)(estimate, truth) for metric in METRICS.values()]


def still(*places):
    """Return tracks that do not move for 10 frames."""
    return np.broadcast_to(np.array(places, dtype=float), (10, len(places), 3)).copy()


def tracks(xyz, kind="position"):
    return Tracks.of(0.1 * np.arange(len(xyz)), xyz, kind)


@pytest.fixture(scope="module", params=KINDS)
def scored(request):
    """Return 660 scenes of a kind and the scores of TrackEval."""
    pairs = scenes(request.param)
    evaluator = HOTA()
    return pairs, {
        n: evaluator.eval_sequence(trackeval_data(*pair)) for n, pair in enumerate(pairs)
    }


@pytest.mark.parametrize("name", METRICS)
def test_every_scene_has_the_scores_of_trackeval(scored, name):
    pairs, scores = scored
    expected = [100 * scores[n][name].mean() for n in scores]
    if name == "LocA":
        # If nothing is localized, TrackEval returns 1; here the similarity is undefined.
        expected = [x if scores[n]["HOTA_TP"][0] else np.nan for n, x in enumerate(expected)]
    metric = METRICS[name]()
    found = [metric(*pair) for pair in pairs]
    nothing = [not (estimate.active.any() or truth.active.any()) for estimate, truth in pairs]
    assert np.isnan(np.array(found)[nothing]).all()
    checked = ~np.array(nothing)
    assert checked.sum() >= 500
    np.testing.assert_allclose(
        np.array(found)[checked], np.array(expected)[checked], atol=1e-9, rtol=0
    )


@pytest.mark.parametrize("name", PARTS)
def test_recall_and_precision_of_every_scene_are_those_of_trackeval(scored, name):
    pairs, scores = scored
    metric = PARTS[name]()
    needed = {"DetRe": "truth", "DetPr": "estimate"}.get(name)
    checked = 0
    for n, (estimate, truth) in enumerate(pairs):
        found = metric(estimate, truth)
        active = {"estimate": estimate.active.any(), "truth": truth.active.any()}
        if (needed and not active[needed]) or not any(active.values()):
            # TrackEval returns 0 for a share of nothing.
            assert np.isnan(found)
            continue
        assert found == pytest.approx(100 * scores[n][name].mean(), abs=1e-9)
        checked += 1
    assert checked >= 500


@pytest.mark.parametrize("name", PARTS)
def test_recall_and_precision_of_a_corpus_are_those_of_trackeval(scored, name):
    pairs, scores = scored
    expected = HOTA().combine_sequences(scores)
    metric = PARTS[name]()
    found = metric.value(metric.rows(Corpus.of(pairs)))
    assert found == pytest.approx(100 * expected[name].mean(), abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_a_corpus_equals_sequences_combined_by_trackeval(scored, name):
    pairs, scores = scored
    metric = METRICS[name]()
    for part in (slice(600), slice(None)):
        expected = HOTA().combine_sequences({n: scores[n] for n in list(scores)[part]})
        found = metric.value(metric.rows(Corpus.of(pairs[part])))
        assert found == pytest.approx(100 * expected[name].mean(), abs=1e-9)


@pytest.mark.parametrize("name", METRICS | PARTS)
@pytest.mark.parametrize("threshold", [0, 9, 18])
def test_a_corpus_at_one_threshold_equals_trackeval(scored, name, threshold):
    pairs, scores = scored
    expected = HOTA().combine_sequences(scores)[name][threshold]
    metric = (METRICS | PARTS)[name]("", 0.05 * (threshold + 1))
    found = metric.value(metric.rows(Corpus.of(pairs)))
    assert found == pytest.approx(100 * expected, abs=1e-9)


def test_an_alpha_that_is_no_threshold_is_an_error():
    with pytest.raises(ParameterError, match=r"alpha=0\.52\n.*0\.05, 0\.1"):
        hota("", 0.52)


def test_a_perfect_prediction_has_100():
    assert (
        values(tracks(still([0, 0, 0], [3, 0, 0])), tracks(still([0, 0, 0], [3, 0, 0])))
        == [pytest.approx(100)] * 4
    )


def test_a_swap_lowers_only_the_association_accuracy():
    truth = still([0, 0, 0], [3, 0, 0])
    estimate = truth.copy()
    estimate[5:] = estimate[5:, ::-1]
    # Each pair shares 5 of the 15 frames in which at least one of the two is active.
    expected = [100 * np.sqrt(1 / 3), 100, 100 / 3, 100]
    assert values(tracks(estimate), tracks(truth)) == pytest.approx(expected)


def test_the_middle_threshold_is_half_a_metre_or_20_degrees():
    pair = tracks(still([0.5, 0, 0])), tracks(still([0, 0, 0]))
    assert det_a()(*pair) == pytest.approx(100 * 10 / 19)
    angle = np.radians(19.9)
    turned = still([np.cos(angle), np.sin(angle), 0])
    pair = tracks(turned, "direction"), tracks(still([1, 0, 0]), "direction")
    assert det_a()(*pair) == pytest.approx(100 * 10 / 19)
    assert det_a("20deg")(*pair) == 0


def test_a_consistent_estimate_is_preferred_to_one_that_is_nearer_for_a_moment():
    truth = still([0, 0, 0])
    estimate = still([0.2, 0, 0], [9, 0, 0])
    estimate[3, 1] = [0.1, 0, 0]
    assert ass_a()(tracks(estimate), tracks(truth)) == pytest.approx(100 * 16 / 19)


@pytest.mark.parametrize("kind", KINDS)
def test_without_estimates_or_sources_scores_are_0_and_similarity_is_undefined(kind):
    truth = tracks(still([1, 0, 0]), kind)
    nothing = tracks(np.full((10, 1, 3), np.nan), kind)
    for pair in ((nothing, truth), (truth, nothing)):
        assert values(*pair) == pytest.approx([0, 0, 0, np.nan], nan_ok=True)


@pytest.mark.parametrize("columns", [0, 1])
def test_without_sources_and_estimates_scores_are_undefined(columns):
    nothing = tracks(np.full((10, columns, 3), np.nan))
    assert np.isnan(values(nothing, nothing)).all()


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, many=st.booleans())
@settings(max_examples=25)
def test_column_order_orientation_and_time_reversal_change_nothing(kind, seed, many):
    estimate, truth = scene(seed, kind, many)
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix()
    changed = [shuffled_turned_reversed(part, rng, turn) for part in (estimate, truth)]
    assert values(*changed) == pytest.approx(values(estimate, truth), abs=1e-9, nan_ok=True)


@given(seed=seeds)
@settings(max_examples=15)
def test_scaling_space_and_zero_changes_nothing(seed):
    pair = scene(seed)
    scaled = [Tracks.of(part.times, 3 * part.xyz, part.kind, part.active) for part in pair]
    expected = pytest.approx(values(*pair), abs=1e-9, nan_ok=True)
    assert values(*scaled, "3m") == expected


@given(seed=seeds)
@settings(max_examples=15)
def test_hota_is_between_0_and_the_mean_of_its_parts(seed):
    whole, found, followed, _ = values(*scene(seed))
    if not np.isnan(whole):
        assert 0 <= whole <= 100
        assert whole <= (found + followed) / 2 + 1e-9


def test_n_is_the_number_of_sources_and_for_loc_a_of_true_positives():
    truth = tracks(still([0, 0, 0]))
    estimate = still([0, 0, 0])
    estimate[7:] = 9.0
    assert hota().components(tracks(estimate), truth).sum(axis=0)[hota().count] == 10
    assert loc_a().components(tracks(estimate), truth).sum(axis=0)[loc_a().count] == 7


@pytest.mark.parametrize("metric", METRICS.values())
def test_a_zero_without_unit_is_an_error(metric):
    with pytest.raises(ParameterError, match=r"'40' is not a distance\n.*0\.5m, 30cm or 20deg"):
        metric("40")


def test_a_zero_in_metres_does_not_apply_to_directions():
    pair = scene(0, "direction")
    with pytest.raises(FormatError, match="a metric of positions was applied to directions"):
        hota("1m")(*pair)
