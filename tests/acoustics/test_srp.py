"""Steered response power compared with explicit sums, and delays with the geometry module."""

import numpy as np
import torch

from sslbench.acoustics.srp import SteeredResponse, direction_delays, point_delays
from sslbench.geometry import fibonacci_sphere, tdoa

RNG = np.random.default_rng(0)
MICS = RNG.uniform(-1, 1, (5, 3))


def test_delays_of_points_equal_those_of_geometry() -> None:
    points = RNG.uniform(-3, 3, (20, 3))
    found = point_delays(torch.from_numpy(MICS), torch.from_numpy(points), 340.0)
    np.testing.assert_allclose(found.numpy(), tdoa(MICS, points, 340.0), atol=1e-12)


def test_delays_of_directions_equal_those_of_distant_points() -> None:
    directions = fibonacci_sphere(20)
    found = direction_delays(torch.from_numpy(MICS), torch.from_numpy(directions), 340.0)
    np.testing.assert_allclose(found.numpy(), tdoa(MICS, directions * 1e6, 340.0), atol=1e-8)


def test_power_is_the_mean_over_pairs_at_the_nearest_lag() -> None:
    gcc = torch.rand(2, 10, 21, generator=torch.Generator().manual_seed(0))
    delays = torch.from_numpy(RNG.uniform(-12, 12, (7, 10)))
    power = SteeredResponse(delays, 1.0, 21)(gcc)
    for frame in range(2):
        for point in range(7):
            lags = np.clip(np.round(delays[point].numpy()), -10, 10).astype(int) + 10
            expected = np.mean([float(gcc[frame, pair, lag]) for pair, lag in enumerate(lags)])
            assert abs(float(power[frame, point]) - expected) < 1e-6


def test_power_is_differentiable() -> None:
    gcc = torch.rand(1, 10, 21, requires_grad=True)
    SteeredResponse(torch.zeros(3, 10), 1.0, 21)(gcc).sum().backward()
    assert gcc.grad is not None
    assert float(gcc.grad[0, :, 10].sum()) > 0
    assert float(gcc.grad[0, :, :10].abs().sum()) == 0
