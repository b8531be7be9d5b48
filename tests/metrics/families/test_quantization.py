"""The quantisation errors of Feng et al. 2025: the error left when every cell is right.

No network is needed: each source is answered by the centre of its cell. The expected values were
computed independently of sslbench; the paper's, over its own test sets, are within 0.012 m of them.
"""

import numpy as np
import pytest

from sslbench.metrics.families import position, utterance_permutation
from sslbench.metrics.families.utterance_permutation import cell_index
from sslbench.scene import Tracks

SOURCES = 400_000
QUANTIZATION = {1: 2.703, 2: 1.352, 4: 0.676, 8: 0.338, 16: 0.169}
"""Metres by cells along a side, in rooms of 4 to 10 m a side."""

METRICS = [position.error_mean, utterance_permutation.error_mean]


def quantized(room, cells, seed=0):
    """Return cell centres and uniform sources, shape (sources, 1, 3), in rooms of sizes (.., 2)."""
    xy = np.random.default_rng(seed).random((SOURCES, 2)) * room
    side = room / cells
    centre = (cell_index(xy, side) + 0.5) * side
    return [np.insert(place, 2, 0.95, axis=1)[:, None] for place in (centre, xy)]


def score(metric, answer, truth):
    times = np.arange(len(truth))
    return metric(Tracks.of(times, answer, "position"), Tracks.of(times, truth, "position"))


@pytest.mark.parametrize("make", METRICS)
@pytest.mark.parametrize("cells", QUANTIZATION)
def test_quantization_error_in_random_rooms_is_that_of_the_paper(cells, make):
    rooms = np.random.default_rng(1).uniform(4, 10, (SOURCES, 2))
    assert score(make(), *quantized(rooms, cells)) == pytest.approx(QUANTIZATION[cells], abs=0.01)


@pytest.mark.parametrize("make", METRICS)
def test_quantization_error_of_the_unit_cell(make):
    answer, truth = quantized(np.array([6.0, 6.0]), 6)
    exact = (np.sqrt(2) + np.arcsinh(1)) / 6
    assert exact == pytest.approx(0.3826, abs=1e-4)
    assert score(make(), answer, truth) == pytest.approx(exact, abs=0.001)


def test_the_centre_of_a_cell_is_always_in_the_right_cell():
    answer, truth = quantized(np.array([6.0, 6.0]), 6)
    assert score(utterance_permutation.cell_accuracy("1m"), answer, truth) == 100.0


def test_two_speakers_whose_answers_are_swapped_have_the_same_quantization_error():
    rng = np.random.default_rng(2)
    truth = rng.random((200, 50, 2, 3)) * [6, 6, 0]
    answer = np.concatenate([cell_index(truth, 1) + 0.5, truth[..., 2:]], axis=-1)[:, :, ::-1]
    still = np.repeat(truth[:, :1], 50, axis=1), np.repeat(answer[:, :1], 50, axis=1)
    for places, centres in zip(*still, strict=True):
        swapped = score(utterance_permutation.error_mean(), centres, places)
        straight = score(utterance_permutation.error_mean(), centres[:, ::-1], places)
        assert swapped == pytest.approx(straight)
        assert swapped <= np.linalg.norm(centres[0, ::-1] - places[0], axis=-1).mean() + 1e-12
