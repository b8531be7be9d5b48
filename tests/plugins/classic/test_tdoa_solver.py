"""The solver, with exact, noisy, wrong and missing range differences."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sslbench.errors import GeometryError
from sslbench.geometry import Box, microphone_pairs, tdoa
from sslbench_classic.tdoa_solver import SolverOptions, TdoaSolver

C = 343.0


def ranges(mics: np.ndarray, sources: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(tdoa(mics, sources, C) * C)[..., None]


def error(found: torch.Tensor, sources: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(found.numpy() - sources, axis=-1))


@pytest.fixture(scope="module")
def sources(room: Box) -> np.ndarray:
    return np.random.default_rng(1).uniform(room.low, room.high, (30, 3))


def test_exact_differences_give_exact_positions(luvira, room, sources) -> None:
    found = TdoaSolver(luvira, room, 1).solve(ranges(luvira, sources))
    assert error(found, sources).max() < 1e-5


def test_five_microphones_are_sufficient(luvira, room, sources) -> None:
    found = TdoaSolver(luvira[:5], room, 1).solve(ranges(luvira[:5], sources))
    assert np.median(error(found, sources)) < 1e-5


def test_four_microphones_are_sufficient_at_known_height(room, sources) -> None:
    mics = np.array([[-3.0, -3, 0.9], [3, -3, 0.9], [3, 3, 0.9], [-2, 3.5, 0.9]])
    flat = Box((-3.5, -4, 0.95), (3.5, 4, 0.95))
    positions = np.column_stack((sources[:, :2], np.full(len(sources), 0.95)))
    found = TdoaSolver(mics, flat, 1).solve(ranges(mics, positions))
    assert (found[:, 2] == 0.95).all()
    assert np.median(error(found, positions)) < 1e-5


def test_most_differences_may_be_wrong(luvira, room, sources) -> None:
    """Each pair has four candidates; a fifth of the pairs lack the right one: 80 % are wrong."""
    rng = np.random.default_rng(2)
    measured = torch.from_numpy(rng.uniform(-4, 4, (len(sources), 55, 4)))
    right = ranges(luvira, sources)[..., 0] + torch.from_numpy(
        rng.normal(0, 0.01, (len(sources), 55))
    )
    rank = rng.integers(0, 5, (len(sources), 55))
    for candidate in range(4):
        measured[..., candidate] = torch.where(
            torch.from_numpy(rank == candidate), right, measured[..., candidate]
        )
    found = TdoaSolver(luvira, room, 4).solve(measured)
    assert np.median(error(found, sources)) < 0.03


def test_random_differences_give_no_estimate(luvira, room) -> None:
    measured = torch.from_numpy(np.random.default_rng(3).uniform(-8, 8, (10, 55, 1)))
    assert TdoaSolver(luvira, room, 1).solve(measured).isnan().all()


def test_missing_differences_are_ignored(luvira, room, sources) -> None:
    measured = ranges(luvira, sources)
    measured[:, ::3] = torch.nan
    assert error(TdoaSolver(luvira, room, 1).solve(measured), sources).max() < 1e-5


def test_weights_decide_between_positions_with_equal_agreement(luvira, room, sources) -> None:
    measured = torch.cat((ranges(luvira, sources[:5]), ranges(luvira, sources[5:10])), dim=-1)
    for trusted in (0, 1):
        weights = torch.full_like(measured, 0.5)
        weights[..., trusted] = 1
        found = TdoaSolver(luvira, room, 2).solve(measured, weights)
        assert error(found, sources[5 * trusted :][:5]).max() < 1e-4


def test_without_differences_there_is_no_estimate(luvira, room) -> None:
    measured = torch.full((2, 55, 1), torch.nan)
    assert TdoaSolver(luvira, room, 1).solve(measured).isnan().all()


def test_no_frames_give_no_positions(luvira, room) -> None:
    assert TdoaSolver(luvira, room, 1).solve(torch.empty(0, 55, 1)).shape == (0, 3)


def test_a_position_far_outside_the_region_is_rejected(luvira, room) -> None:
    outside = np.array([[5.5, 0.0, 1.0]])
    assert TdoaSolver(luvira, room, 1).solve(ranges(luvira, outside)).isnan().all()


def test_estimates_do_not_depend_on_the_batch(luvira, room, sources) -> None:
    solver = TdoaSolver(luvira, room, 1)
    together = solver.solve(ranges(luvira, sources[:4]))
    alone = torch.cat([solver.solve(ranges(luvira, one[None])) for one in sources[:4]])
    torch.testing.assert_close(together, alone, atol=1e-9, rtol=0)


@settings(max_examples=15)
@given(angle=st.floats(0, 6.3), shift=st.tuples(*[st.floats(-20, 20)] * 3))
def test_a_rigid_motion_moves_the_estimate(angle, shift) -> None:
    rng = np.random.default_rng(4)
    mics, source = rng.uniform(-2, 2, (8, 3)), rng.uniform(-2, 2, (1, 3))
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    moved, target = mics @ rotation.T + shift, source @ rotation.T + shift
    region = Box(tuple(np.array(shift) - 3.0), tuple(np.array(shift) + 3.0))
    assert error(TdoaSolver(moved, region, 1).solve(ranges(moved, target)), target).max() < 1e-4


def test_too_few_microphones_are_an_error(luvira, room) -> None:
    with pytest.raises(GeometryError, match=r"4 microphones\n.*at least 5 at unknown height"):
        TdoaSolver(luvira[:4], room, 1)
    with pytest.raises(GeometryError, match="at least 4 at known height"):
        TdoaSolver(luvira[:3], Box((0, 0, 1), (1, 1, 1)), 1)


def test_microphones_in_one_plane_are_an_error(luvira, room) -> None:
    flat = luvira * [1, 1, 0]
    with pytest.raises(GeometryError, match=r"do not determine a position\n.*span 3 dimensions"):
        TdoaSolver(flat, room, 1)


@pytest.mark.real
@pytest.mark.parametrize("name", ["data1", "data4"])
def test_real_arrival_times_give_positions_on_the_track(real_data: Path, name: str) -> None:
    import scipy.io
    from scipy.spatial import KDTree

    data = scipy.io.loadmat(real_data / "lund_tdoa" / f"{name}.mat")
    mics, track, arrivals = data["rgt"].T, data["sgt"].T, data["z"]
    track = track[np.isfinite(track).all(axis=1)]
    i, j = microphone_pairs(len(mics))
    region = Box(tuple(track.min(axis=0) - 1), tuple(track.max(axis=0) + 1))
    found = TdoaSolver(mics, region, 1, SolverOptions()).solve(
        torch.from_numpy((arrivals[i] - arrivals[j]).T.copy()[..., None])
    )
    converged = found.isfinite().all(dim=1).numpy()
    assert converged.mean() > 0.9
    assert np.median(KDTree(track).query(found.numpy()[converged])[0]) < 0.10
