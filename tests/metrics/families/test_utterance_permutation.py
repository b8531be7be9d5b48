"""The error under the best permutation of an utterance, and the share of right cells."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.families import position, utterance_permutation
from sslbench.registry import load_target
from sslbench.scene import Tracks


def tracks(xyz, kind="position"):
    return Tracks.of(np.arange(len(xyz)), xyz, kind)


def value(metric, pairs):
    return metric.value(metric.rows(Corpus.of(pairs)))


def pair(rng, sources, frames, noise=1.0):
    truth = rng.uniform(-3, 3, (frames, sources, 3))
    order = rng.permutation(sources)
    return tracks((truth + noise * rng.normal(size=truth.shape))[:, order]), tracks(truth)


def best_order(prediction, truth):
    """Return the answers in the order of the least summed distance."""
    columns = truth.xyz.shape[1]
    return min(
        (prediction.xyz[:, list(order)] for order in permutations(range(columns))),
        key=lambda xyz: np.linalg.norm(xyz - truth.xyz, axis=-1).sum(),
    )


def test_error_and_cells_equal_plain_loops():
    rng = np.random.default_rng(0)
    for _ in range(300):
        pairs = [pair(rng, rng.integers(1, 4), rng.integers(1, 5)) for _ in range(2)]
        errors, right = [], []
        for prediction, truth in pairs:
            for there, here in zip(best_order(prediction, truth), truth.xyz, strict=True):
                errors += [np.sqrt(sum((a - b) ** 2)) for a, b in zip(there, here, strict=True)]
                right += [
                    (a[0] // 0.7, a[1] // 0.7) == (b[0] // 0.7, b[1] // 0.7)
                    for a, b in zip(there, here, strict=True)
                ]
        assert value(utterance_permutation.error_mean(), pairs) == pytest.approx(np.mean(errors))
        assert value(utterance_permutation.cell_accuracy("70cm"), pairs) == pytest.approx(
            100 * np.mean(right)
        )


def test_an_order_that_changes_within_an_utterance_costs():
    truth = tracks([[[0, 0, 0], [5, 0, 0]]] * 3)
    answer = tracks([[[0, 0, 0], [5, 0, 0]], [[5, 0, 0], [0, 0, 0]], [[0, 0, 0], [5, 0, 0]]])
    assert value(utterance_permutation.error_mean(), [(answer, truth)]) == pytest.approx(5 / 3)
    assert value(position.error_mean(), [(answer, truth)]) == 0.0


def test_an_order_that_changes_between_utterances_costs_nothing():
    truth = tracks([[[0, 0, 0], [5, 0, 0]]])
    swapped = tracks([[[5, 0, 0], [0, 0, 0]]])
    assert value(utterance_permutation.error_mean(), [(truth, truth), (swapped, truth)]) == 0.0


def test_the_error_is_a_distance_and_no_mean_over_axes():
    answer, truth = tracks([[[3, 4, 0]]]), tracks([[[0, 0, 0]]])
    assert value(utterance_permutation.error_mean(), [(answer, truth)]) == 5.0


def test_errors_are_averaged_over_sources_and_not_over_utterances():
    near = (tracks([[[1, 0, 0]]]), tracks([[[0, 0, 0]]]))
    far = (tracks([[[4, 0, 0]]] * 3), tracks([[[0, 0, 0]]] * 3))
    assert value(utterance_permutation.error_mean(), [near, far]) == pytest.approx(13 / 4)


@pytest.mark.parametrize(
    ("x", "found"), [(1.0, 100.0), (1.999, 100.0), (2.0, 0.0), (0.999, 0.0)], ids=str
)
def test_a_cell_has_its_lower_border_and_not_its_upper(x, found):
    pairs = [(tracks([[[x, 0.5, 0]]]), tracks([[[1.5, 0.5, 0]]]))]
    assert value(utterance_permutation.cell_accuracy(), pairs) == found


def test_height_belongs_to_no_cell():
    pairs = [(tracks([[[0.2, 0.2, 9]]]), tracks([[[0.8, 0.8, 0]]]))]
    assert value(utterance_permutation.cell_accuracy(), pairs) == 100.0


def test_cells_on_both_sides_of_the_origin_are_two():
    pairs = [(tracks([[[-0.1, 0.5, 0]]]), tracks([[[0.1, 0.5, 0]]]))]
    assert value(utterance_permutation.cell_accuracy(), pairs) == 0.0


def test_a_source_without_an_answer_is_in_the_wrong_cell_but_has_no_error():
    pairs = [(tracks([[[0, 0, 0]], [[np.nan] * 3]]), tracks([[[0, 0, 0]]] * 2))]
    assert value(utterance_permutation.cell_accuracy(), pairs) == 50.0
    assert value(utterance_permutation.error_mean(), pairs) == 0.0


@pytest.mark.parametrize(
    "make", [utterance_permutation.error_mean, utterance_permutation.cell_accuracy]
)
def test_without_sources_both_are_undefined(make):
    silent = tracks(np.full((2, 1, 3), np.nan))
    some = tracks(np.zeros((2, 1, 3)))
    assert np.isnan(
        [value(make(), pairs) for pairs in ([], [(silent, silent)], [(some, silent)])]
    ).all()


def test_nothing_answered_is_no_error_and_no_right_cell():
    pairs = [(tracks(np.zeros((2, 0, 3))), tracks(np.zeros((2, 1, 3))))]
    assert np.isnan(value(utterance_permutation.error_mean(), pairs))
    assert value(utterance_permutation.cell_accuracy(), pairs) == 0.0


@pytest.mark.parametrize("text", ["1", "20deg", "0m"])
def test_a_side_is_a_distance_in_metres(text):
    with pytest.raises(ParameterError, match=f"'{text}' is no distance"):
        utterance_permutation.cell_accuracy(text)


@pytest.mark.parametrize(
    "make", [utterance_permutation.error_mean, utterance_permutation.cell_accuracy]
)
def test_directions_are_refused(make):
    north = tracks([[[1, 0, 0]]], "direction")
    with pytest.raises(FormatError, match="a metric of positions was given directions"):
        make()(north, north)


@given(st.integers(0, 10**6), st.permutations(range(3)))
def test_order_place_of_the_room_and_time_change_no_error(seed, order):
    answer, truth = pair(np.random.default_rng(seed), 3, 5)
    turn = Rotation.random(random_state=seed).as_matrix().T
    moved = (tracks(answer.xyz[::-1, order] @ turn + 2), tracks(truth.xyz[::-1] @ turn + 2))
    expected = value(utterance_permutation.error_mean(), [(answer, truth)])
    assert value(utterance_permutation.error_mean(), [moved]) == pytest.approx(expected)


@given(st.integers(0, 10**6), st.integers(-3, 3), st.integers(-3, 3))
def test_moving_the_room_by_whole_cells_changes_no_accuracy(seed, right, left):
    answer, truth = pair(np.random.default_rng(seed), 2, 5)
    shift = [0.5 * right, 0.5 * left, 0.1]
    moved = (tracks(answer.xyz + shift), tracks(truth.xyz + shift))
    metric = utterance_permutation.cell_accuracy("50cm")
    assert value(metric, [moved]) == value(metric, [(answer, truth)])


@given(st.integers(0, 10**6))
def test_the_best_order_of_each_frame_is_never_worse(seed):
    pairs = [pair(np.random.default_rng(seed), 3, 6, noise=3.0)]
    framewise, whole = (
        value(position.error_mean(), pairs),
        value(utterance_permutation.error_mean(), pairs),
    )
    assert framewise <= whole + 1e-12


@pytest.mark.parametrize("spec", utterance_permutation.SPECS, ids=lambda spec: spec.name)
def test_a_spec_leads_to_its_metric(spec):
    pairs = [(tracks([[[0.5, 0, 0]]]), tracks([[[0.1, 0, 0]]]))]
    expected = {"m": 0.4, "%": 100.0}[spec.unit]
    assert value(load_target(spec.target, spec.name)(), pairs) == pytest.approx(expected)
