"""The error under the best permutation of an utterance, and the accuracy of cells."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sslbench.errors import FormatError, ParameterError
from sslbench.metrics.corpus import Corpus
from sslbench.metrics.declaration import specs_of
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
    """Return the estimates in the order with the least summed distance."""
    columns = truth.xyz.shape[1]
    return min(
        (prediction.xyz[:, list(order)] for order in permutations(range(columns))),
        key=lambda xyz: np.linalg.norm(xyz - truth.xyz, axis=-1).sum(),
    )


def test_error_and_cell_accuracy_equal_plain_loops():
    rng = np.random.default_rng(0)
    for _ in range(300):
        pairs = [pair(rng, rng.integers(1, 4), rng.integers(1, 5)) for _ in range(2)]
        errors, right = [], []
        for prediction, truth in pairs:
            for estimated, true in zip(best_order(prediction, truth), truth.xyz, strict=True):
                errors += [np.sqrt(sum((a - b) ** 2)) for a, b in zip(estimated, true, strict=True)]
                right += [
                    (a[0] // 0.7, a[1] // 0.7) == (b[0] // 0.7, b[1] // 0.7)
                    for a, b in zip(estimated, true, strict=True)
                ]
        assert value(utterance_permutation.error_mean(), pairs) == pytest.approx(np.mean(errors))
        assert value(utterance_permutation.cell_accuracy("70cm"), pairs) == pytest.approx(
            100 * np.mean(right)
        )


def test_a_swap_within_an_utterance_counts_as_error():
    truth = tracks([[[0, 0, 0], [5, 0, 0]]] * 3)
    estimate = tracks([[[0, 0, 0], [5, 0, 0]], [[5, 0, 0], [0, 0, 0]], [[0, 0, 0], [5, 0, 0]]])
    assert value(utterance_permutation.error_mean(), [(estimate, truth)]) == pytest.approx(5 / 3)
    assert value(position.error_mean(), [(estimate, truth)]) == 0.0


def test_a_swap_between_utterances_does_not_count_as_error():
    truth = tracks([[[0, 0, 0], [5, 0, 0]]])
    swapped = tracks([[[5, 0, 0], [0, 0, 0]]])
    assert value(utterance_permutation.error_mean(), [(truth, truth), (swapped, truth)]) == 0.0


def test_the_error_is_the_distance_and_not_a_mean_over_axes():
    estimate, truth = tracks([[[3, 4, 0]]]), tracks([[[0, 0, 0]]])
    assert value(utterance_permutation.error_mean(), [(estimate, truth)]) == 5.0


def test_errors_are_averaged_over_sources_and_not_over_utterances():
    near = (tracks([[[1, 0, 0]]]), tracks([[[0, 0, 0]]]))
    far = (tracks([[[4, 0, 0]]] * 3), tracks([[[0, 0, 0]]] * 3))
    assert value(utterance_permutation.error_mean(), [near, far]) == pytest.approx(13 / 4)


@pytest.mark.parametrize(
    ("x", "found"), [(1.0, 100.0), (1.999, 100.0), (2.0, 0.0), (0.999, 0.0)], ids=str
)
def test_a_cell_includes_its_lower_border_only(x, found):
    pairs = [(tracks([[[x, 0.5, 0]]]), tracks([[[1.5, 0.5, 0]]]))]
    assert value(utterance_permutation.cell_accuracy(), pairs) == found


def test_cells_do_not_depend_on_height():
    pairs = [(tracks([[[0.2, 0.2, 9]]]), tracks([[[0.8, 0.8, 0]]]))]
    assert value(utterance_permutation.cell_accuracy(), pairs) == 100.0


def test_cells_on_both_sides_of_the_origin_differ():
    pairs = [(tracks([[[-0.1, 0.5, 0]]]), tracks([[[0.1, 0.5, 0]]]))]
    assert value(utterance_permutation.cell_accuracy(), pairs) == 0.0


def test_a_missed_source_counts_for_the_cell_accuracy_only():
    pairs = [(tracks([[[0, 0, 0]], [[np.nan] * 3]]), tracks([[[0, 0, 0]]] * 2))]
    assert value(utterance_permutation.cell_accuracy(), pairs) == 50.0
    assert value(utterance_permutation.error_mean(), pairs) == 0.0


@pytest.mark.parametrize(
    "make", [utterance_permutation.error_mean, utterance_permutation.cell_accuracy]
)
def test_without_sources_the_metrics_are_undefined(make):
    nothing = tracks(np.full((2, 1, 3), np.nan))
    some = tracks(np.zeros((2, 1, 3)))
    assert np.isnan(
        [value(make(), pairs) for pairs in ([], [(nothing, nothing)], [(some, nothing)])]
    ).all()


def test_without_estimates_the_error_is_undefined_and_the_accuracy_0():
    pairs = [(tracks(np.zeros((2, 0, 3))), tracks(np.zeros((2, 1, 3))))]
    assert np.isnan(value(utterance_permutation.error_mean(), pairs))
    assert value(utterance_permutation.cell_accuracy(), pairs) == 0.0


@pytest.mark.parametrize("text", ["1", "20deg", "0m"])
def test_a_side_that_is_not_in_metres_is_an_error(text):
    with pytest.raises(ParameterError, match=f"'{text}' is not a distance"):
        utterance_permutation.cell_accuracy(text)


@pytest.mark.parametrize(
    "make", [utterance_permutation.error_mean, utterance_permutation.cell_accuracy]
)
def test_directions_are_an_error(make):
    north = tracks([[[1, 0, 0]]], "direction")
    with pytest.raises(FormatError, match="a metric of positions was applied to directions"):
        make()(north, north)


@given(st.integers(0, 10**6), st.permutations(range(3)))
def test_column_order_orientation_and_time_reversal_do_not_change_the_error(seed, order):
    estimate, truth = pair(np.random.default_rng(seed), 3, 5)
    turn = Rotation.random(random_state=seed).as_matrix().T
    moved = (tracks(estimate.xyz[::-1, order] @ turn + 2), tracks(truth.xyz[::-1] @ turn + 2))
    expected = value(utterance_permutation.error_mean(), [(estimate, truth)])
    assert value(utterance_permutation.error_mean(), [moved]) == pytest.approx(expected)


@given(st.integers(0, 10**6), st.integers(-3, 3), st.integers(-3, 3))
def test_moving_the_room_by_whole_cells_does_not_change_the_accuracy(seed, right, left):
    estimate, truth = pair(np.random.default_rng(seed), 2, 5)
    shift = [0.5 * right, 0.5 * left, 0.1]
    moved = (tracks(estimate.xyz + shift), tracks(truth.xyz + shift))
    metric = utterance_permutation.cell_accuracy("50cm")
    assert value(metric, [moved]) == value(metric, [(estimate, truth)])


@given(st.integers(0, 10**6))
def test_matching_each_frame_is_never_worse_than_one_permutation(seed):
    pairs = [pair(np.random.default_rng(seed), 3, 6, noise=3.0)]
    framewise, whole = (
        value(position.error_mean(), pairs),
        value(utterance_permutation.error_mean(), pairs),
    )
    assert framewise <= whole + 1e-12


@pytest.mark.parametrize("spec", specs_of(utterance_permutation), ids=lambda spec: spec.name)
def test_the_target_of_a_spec_is_its_metric(spec):
    pairs = [(tracks([[[0.5, 0, 0]]]), tracks([[[0.1, 0, 0]]]))]
    expected = {"m": 0.4, "%": 100.0}[spec.unit]
    assert value(load_target(spec.target, spec.name)(), pairs) == pytest.approx(expected)
