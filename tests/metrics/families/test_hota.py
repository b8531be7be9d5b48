"""HOTA and its parts are those of TrackEval, and see what they are meant to see."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from trackeval.metrics import HOTA

from helpers.identity_scenes import scene, scenes, trackeval_data
from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.hota import ass_a, det_a, hota, loc_a
from sslbench.scene import Tracks

METRICS = {"HOTA": hota, "DetA": det_a, "AssA": ass_a, "LocA": loc_a}
KINDS = ("position", "direction")
seeds = st.integers(0, 10**6)


def values(answer, truth, zero=""):
    return [metric(zero)(answer, truth) for metric in METRICS.values()]


def still(*places):
    """Return tracks that stay where they are for 10 frames."""
    return np.broadcast_to(np.array(places, dtype=float), (10, len(places), 3)).copy()


def tracks(xyz, kind="position"):
    return Tracks.of(0.1 * np.arange(len(xyz)), xyz, kind)


@pytest.fixture(scope="module", params=KINDS)
def judged(request):
    """Return 660 scenes of a kind and what TrackEval says of each."""
    pairs = scenes(request.param)
    judge = HOTA()
    return pairs, {n: judge.eval_sequence(trackeval_data(*pair)) for n, pair in enumerate(pairs)}


@pytest.mark.parametrize("name", METRICS)
def test_every_scene_scores_as_under_trackeval(judged, name):
    pairs, said = judged
    expected = [100 * said[n][name].mean() for n in said]
    if name == "LocA":
        # TrackEval says 1 where nothing is localized; there is no such similarity.
        expected = [x if said[n]["HOTA_TP"][0] else np.nan for n, x in enumerate(expected)]
    metric = METRICS[name]()
    found = [metric(*pair) for pair in pairs]
    nothing = [not (answer.active.any() or truth.active.any()) for answer, truth in pairs]
    assert np.isnan(np.array(found)[nothing]).all()
    checked = ~np.array(nothing)
    assert checked.sum() >= 500
    np.testing.assert_allclose(
        np.array(found)[checked], np.array(expected)[checked], atol=1e-9, rtol=0
    )


@pytest.mark.parametrize("name", METRICS)
def test_a_corpus_scores_as_sequences_combined_by_trackeval(judged, name):
    pairs, said = judged
    metric = METRICS[name]()
    for part in (slice(600), slice(None)):
        expected = HOTA().combine_sequences({n: said[n] for n in list(said)[part]})
        found = metric.value(metric.rows(Corpus.of(pairs[part])))
        assert found == pytest.approx(100 * expected[name].mean(), abs=1e-9)


def test_a_perfect_answer_has_100():
    assert (
        values(tracks(still([0, 0, 0], [3, 0, 0])), tracks(still([0, 0, 0], [3, 0, 0])))
        == [pytest.approx(100)] * 4
    )


def test_a_swap_halfway_shows_in_the_association_only():
    truth = still([0, 0, 0], [3, 0, 0])
    answer = truth.copy()
    answer[5:] = answer[5:, ::-1]
    # Each pair shares 5 frames of the 15 in which either of its two is there.
    expected = [100 * np.sqrt(1 / 3), 100, 100 / 3, 100]
    assert values(tracks(answer), tracks(truth)) == pytest.approx(expected)


def test_a_threshold_is_reached_at_half_a_metre_and_at_20_degrees():
    half = tracks(still([0.5, 0, 0])), tracks(still([0, 0, 0]))
    assert det_a()(*half) == pytest.approx(100 * 10 / 19)
    angle = np.radians(19.9)
    turned = still([np.cos(angle), np.sin(angle), 0])
    pair = tracks(turned, "direction"), tracks(still([1, 0, 0]), "direction")
    assert det_a()(*pair) == pytest.approx(100 * 10 / 19)
    assert det_a("20deg")(*pair) == 0


def test_the_same_wrong_answer_is_preferred_to_a_nearer_one_that_is_elsewhere_later():
    truth = still([0, 0, 0])
    answer = still([0.2, 0, 0], [9, 0, 0])
    answer[3, 1] = [0.1, 0, 0]
    assert ass_a()(tracks(answer), tracks(truth)) == pytest.approx(100 * 16 / 19)


@pytest.mark.parametrize("kind", KINDS)
def test_silence_scores_0_but_has_no_similarity(kind):
    truth = tracks(still([1, 0, 0]), kind)
    silent = tracks(np.full((10, 1, 3), np.nan), kind)
    for pair in ((silent, truth), (truth, silent)):
        assert values(*pair) == pytest.approx([0, 0, 0, np.nan], nan_ok=True)


@pytest.mark.parametrize("columns", [0, 1])
def test_neither_source_nor_answer_is_undefined(columns):
    nothing = tracks(np.full((10, columns, 3), np.nan))
    assert np.isnan(values(nothing, nothing)).all()


@pytest.mark.parametrize("kind", KINDS)
@given(seed=seeds, many=st.booleans())
@settings(max_examples=25, deadline=None)
def test_order_place_and_direction_of_time_change_nothing(kind, seed, many):
    answer, truth = scene(seed, kind, many)
    rng = np.random.default_rng(seed)
    turn = Rotation.random(random_state=seed).as_matrix()

    def changed(part):
        order = rng.permutation(part.xyz.shape[1])
        xyz, active = part.xyz[::-1, order] @ turn, part.active[::-1, order]
        return Tracks.of(part.times, xyz, kind, active)

    expected = pytest.approx(values(answer, truth), abs=1e-9, nan_ok=True)
    assert values(changed(answer), changed(truth)) == expected


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_scaling_space_and_similarity_changes_nothing(seed):
    pair = scene(seed)
    scaled = [Tracks.of(part.times, 3 * part.xyz, part.kind, part.active) for part in pair]
    expected = pytest.approx(values(*pair), abs=1e-9, nan_ok=True)
    assert values(*scaled, "3m") == expected


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_hota_lies_between_0_and_100_and_is_never_above_both_of_its_parts(seed):
    whole, found, followed, _ = values(*scene(seed))
    if not np.isnan(whole):
        assert 0 <= whole <= 100
        assert whole <= (found + followed) / 2 + 1e-9


def test_the_number_is_of_sources_and_of_true_positives():
    truth = tracks(still([0, 0, 0]))
    answer = still([0, 0, 0])
    answer[7:] = 9.0
    assert hota().components(tracks(answer), truth).sum(axis=0)[hota().count] == 10
    assert loc_a().components(tracks(answer), truth).sum(axis=0)[loc_a().count] == 7


@pytest.mark.parametrize("metric", METRICS.values())
def test_a_zero_without_unit_is_refused(metric):
    with pytest.raises(ParameterError, match=r"'40' is no distance\n.*0\.5m, 30cm or 20deg"):
        metric("40")


def test_a_zero_in_metres_compares_no_directions():
    pair = scene(0, "direction")
    with pytest.raises(FormatError, match="a metric of positions was given directions"):
        hota("1m")(*pair)
