"""Peak picking in maps."""

import pytest
import torch

from sslbench_grid2d.representations.peaks import greedy_peaks, local_maxima, smooth


def test_matched_smoothing_preserves_the_height_and_unmatched_the_sum():
    points = torch.linspace(0, 4, 41, dtype=torch.float64).expand(1, 2, 41)
    squared = (points[0, 0] - 2) ** 2
    gaussian = torch.exp(-(squared[:, None] + squared) / 0.1)[None]
    assert smooth(gaussian, points, 0.05, matched=True).amax().item() == pytest.approx(1)
    summed = smooth(gaussian, points, 0.05, matched=False).sum()
    assert summed.item() == pytest.approx(gaussian.sum().item())


def test_smoothing_preserves_a_constant_map_up_to_the_border():
    points = torch.arange(9.0).expand(1, 2, 9)
    constant = torch.ones(1, 9, 9)
    torch.testing.assert_close(smooth(constant, points, 2.0, matched=False), constant)


def test_smoothing_depends_on_the_spacing_along_each_axis():
    points = torch.stack([torch.arange(9.0), 100 * torch.arange(9.0)])[None]
    single = torch.zeros(1, 9, 9)
    single[0, 4, 4] = 1
    smoothed = smooth(single, points, 1.0, matched=False)[0]
    assert smoothed[4, 5] > 0.2
    assert smoothed[5, 4] == 0


def test_a_local_maximum_is_not_lower_than_its_neighbours():
    maps = torch.tensor([[[0.0, 1, 2], [0, 0, 0], [3, 0, 1]]])
    assert torch.isfinite(local_maxima(maps)).nonzero()[:, 1:].tolist() == [[0, 2], [2, 0], [2, 2]]


def test_candidates_close_to_a_higher_peak_are_removed():
    scores = torch.tensor([[0.5, 0.9, 0.8, 0.1]])
    line = torch.tensor([[0.0, 0.0], [3.0, 0.0], [3.5, 0.0], [9.0, 0.0]])
    found, points = greedy_peaks(scores, line, 3, radius=1.0)
    torch.testing.assert_close(found, torch.tensor([[0.9, 0.5, 0.1]]))
    assert points[0, :, 0].tolist() == [3, 0, 9]
