"""IDF1 and its parts are those of motmetrics and TrackEval."""

import motmetrics
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from trackeval.metrics import Identity

from helpers.identity_scenes import frames_of, scene, scenes, trackeval_data
from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.association.identity import match_identity
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families.idf1 import id_precision, id_recall, idf1
from sslbench.scene import Tracks

METRICS = {"IDF1": idf1, "IDP": id_precision, "IDR": id_recall}
KINDS = ("position", "direction")
GATES = {"position": 0.5, "direction": 20.0}
seeds = st.integers(0, 10**6)


def values(answer, truth, gate=""):
    return [metric(gate)(answer, truth) for metric in METRICS.values()]


def on_line(*places):
    """Return tracks on a line, one list of places each, None where silent."""
    xyz = np.zeros((len(places[0]), len(places), 3))
    xyz[..., 0] = np.array(places, dtype=float).T
    return Tracks.of(np.arange(len(xyz)), np.where(np.isnan(xyz[..., :1]), np.nan, xyz), "position")


def judged_by_motmetrics(answer, truth):
    judge = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames_of(answer, truth):
        near = frame.distance <= GATES[truth.kind]
        judge.update(frame.sources, frame.answers, np.where(near, frame.distance, np.nan))
    names = ["idf1", "idp", "idr"]
    summary = motmetrics.metrics.create().compute(judge, metrics=names, return_dataframe=False)
    return [100 * summary[name] for name in names]


@pytest.fixture(scope="module", params=KINDS)
def pairs(request):
    return scenes(request.param)


@pytest.mark.filterwarnings("ignore::FutureWarning:motmetrics.*")
def test_every_scene_scores_as_under_motmetrics(pairs):
    sounding = [pair for pair in pairs if all(part.active.any() for part in pair)]
    assert len(sounding) >= 500
    found = [values(*pair) for pair in sounding]
    expected = [judged_by_motmetrics(*pair) for pair in sounding]
    np.testing.assert_allclose(found, expected, atol=1e-9, rtol=0)


def test_every_scene_scores_as_under_trackeval(pairs):
    judge = Identity({"PRINT_CONFIG": False})
    said = [judge.eval_sequence(trackeval_data(*pair)) for pair in pairs]
    expected = [[100 * one[name] for name in METRICS] for one in said]
    # It says 0 where nothing can be divided by nothing.
    np.testing.assert_allclose(
        np.nan_to_num([values(*pair) for pair in pairs]), expected, atol=1e-9, rtol=0
    )


def test_a_corpus_scores_as_sequences_combined_by_trackeval(pairs):
    judge = Identity({"PRINT_CONFIG": False})
    said = {n: judge.eval_sequence(trackeval_data(*pair)) for n, pair in enumerate(pairs)}
    corpus, expected = Corpus.of(pairs), judge.combine_sequences(said)
    for name, factory in METRICS.items():
        metric = factory()
        found = metric.value(metric.rows(corpus))
        assert found == pytest.approx(100 * expected[name], abs=1e-9)


def test_most_frames_are_preferred_to_most_pairs():
    truth = on_line([0] * 11, [5] * 11)
    answer = on_line([0] * 10 + [5], [9] * 10 + [0])
    corpus = Corpus.of([(answer, truth)])
    assert match_identity(corpus, 0.5).answered.sum() == 10


def test_the_answer_of_a_source_is_the_same_throughout():
    truth, answer = on_line([0] * 5), on_line([0, 0, 0, 9, 9], [9, 9, 9, 0, 0])
    assert match_identity(Corpus.of([(answer, truth)]), 0.5).partner.T.tolist() == [
        [0, 0, 0, -1, -1]
    ]


def test_recordings_have_bijections_of_their_own():
    truth = on_line([0] * 3, [5] * 3)
    straight, crossed = on_line([0] * 3, [5] * 3), on_line([5] * 3, [0] * 3)
    corpus = Corpus.of([(straight, truth), (crossed, truth)])
    assert match_identity(corpus, 0.5).partner[[0, 3]].tolist() == [[0, 1], [1, 0]]


def test_a_swap_halfway_costs_half():
    truth = on_line([0] * 10, [5] * 10)
    answer = on_line([0] * 5 + [5] * 5, [5] * 5 + [0] * 5)
    assert values(answer, truth) == pytest.approx([50] * 3)


def test_rows_count_true_false_and_missed():
    truth, answer = on_line([0, 0, 0], [None, 5, 5]), on_line([0, 9, 0], [5, 5, None])
    columns = idf1().components(answer, truth)
    assert columns.tolist() == [[1, 1, 0, 1], [1, 1, 1, 2], [1, 0, 1, 2]]


def test_the_gate_itself_is_near_enough():
    truth, answer = on_line([0.0]), on_line([0.5])
    assert values(answer, truth) == [100] * 3
    assert values(answer, truth, "49cm") == [0] * 3


@pytest.mark.parametrize("columns", [0, 1])
def test_shares_of_nothing_are_undefined(columns):
    nothing = Tracks.of([0], np.full((1, columns, 3), np.nan), "position")
    something = on_line([0.0])
    assert values(nothing, nothing) == pytest.approx([np.nan] * 3, nan_ok=True)
    assert values(nothing, something) == pytest.approx([0, np.nan, 0], nan_ok=True)
    assert values(something, nothing) == pytest.approx([0, 0, np.nan], nan_ok=True)


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

    expected = pytest.approx(values(answer, truth), nan_ok=True)
    assert values(changed(answer), changed(truth)) == expected


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_scaling_space_and_gate_changes_nothing(seed):
    pair = scene(seed)
    scaled = [Tracks.of(part.times, 3 * part.xyz, part.kind, part.active) for part in pair]
    assert values(*scaled, "1.5m") == pytest.approx(values(*pair), nan_ok=True)


@pytest.mark.parametrize("metric", METRICS.values())
def test_a_gate_without_unit_is_refused(metric):
    with pytest.raises(ParameterError, match=r"'20' is no distance\n.*0\.5m, 30cm or 20deg"):
        metric("20")


def test_a_gate_in_degrees_compares_no_positions():
    with pytest.raises(FormatError, match="a metric of directions was given positions"):
        idf1("20deg")(*scene(0))
