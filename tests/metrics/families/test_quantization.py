"""The quantization errors of Feng et al. 2025: the remaining error if every cell is right.

No network is needed: the estimate of each source is the centre of its cell. The expected values
were computed independently of sslbench. Those of the paper, for its own test sets, differ by at
most 0.012 m.
"""

import numpy as np
import pytest

from sslbench.metrics.families import position, utterance_permutation
from sslbench.metrics.families.utterance_permutation import cell_index
from sslbench.scene import Tracks

SOURCES = 400_000
QUANTIZATION = {1: 2.703, 2: 1.352, 4: 0.676, 8: 0.338, 16: 0.169}
"""Metres, by number of cells per side, in rooms with sides of 4 to 10 m."""

METRICS = [position.error_mean, utterance_permutation.error_mean]


def quantized(room, cells, seed=0):
    """Return cell centres and uniform sources, shape (sources, 1, 3), in rooms of sizes (.., 2)."""
    xy = np.random.default_rng(seed).random((SOURCES, 2)) * room
    side = room / cells
    centre = (cell_index(xy, side) + 0.5) * side
    return [np.insert(place, 2, 0.95, axis=1)[:, None] for place in (centre, xy)]


def score(metric, estimate, truth):
    times = np.arange(len(truth))
    return metric(Tracks.of(times, estimate, "position"), Tracks.of(times, truth, "position"))


@pytest.mark.parametrize("make", METRICS)
@pytest.mark.parametrize("cells", QUANTIZATION)
def test_the_quantization_error_in_random_rooms_equals_the_paper(cells, make):
    rooms = np.random.default_rng(1).uniform(4, 10, (SOURCES, 2))
    assert score(make(), *quantized(rooms, cells)) == pytest.approx(QUANTIZATION[cells], abs=0.01)


@pytest.mark.parametrize("make", METRICS)
def test_the_quantization_error_of_a_unit_cell_equals_its_formula(make):
    estimate, truth = quantized(np.array([6.0, 6.0]), 6)
    exact = (np.sqrt(2) + np.arcsinh(1)) / 6
    assert exact == pytest.approx(0.3826, abs=1e-4)
    assert score(make(), estimate, truth) == pytest.approx(exact, abs=0.001)


def test_cell_centres_have_an_accuracy_of_100_percent():
    estimate, truth = quantized(np.array([6.0, 6.0]), 6)
    assert score(utterance_permutation.cell_accuracy("1m"), estimate, truth) == 100.0


def test_swapping_the_estimates_of_two_speakers_does_not_change_the_error():
    rng = np.random.default_rng(2)
    truth = rng.random((200, 50, 2, 3)) * [6, 6, 0]
    estimate = np.concatenate([cell_index(truth, 1) + 0.5, truth[..., 2:]], axis=-1)[:, :, ::-1]
    still = np.repeat(truth[:, :1], 50, axis=1), np.repeat(estimate[:, :1], 50, axis=1)
    for places, centres in zip(*still, strict=True):
        swapped = score(utterance_permutation.error_mean(), centres, places)
        straight = score(utterance_permutation.error_mean(), centres[:, ::-1], places)
        assert swapped == pytest.approx(straight)
        assert swapped <= np.linalg.norm(centres[0, ::-1] - places[0], axis=-1).mean() + 1e-12
