"""Adapters for the DOA estimators of pyroomacoustics."""

import numpy as np
import pytest

from sslbench.errors import ParameterError
from sslbench.geometry import angle_between, azimuth_elevation, unit_vector
from sslbench.scene import MicArray, Recording
from sslbench_classic import pyroomacoustics_doa as pra

SQUARE = np.array([[1.0, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0]]) * 0.02285
TETRAHEDRON = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 0.03
CIRCLE = 0.1 * unit_vector(np.arange(6) * np.pi / 3)
SUBSPACE = [pra.PraSrp, pra.PraMusic, pra.PraNormMusic]
COHERENT = [pra.PraCssm, pra.PraWaves]


@pytest.mark.parametrize("method", SUBSPACE)
def test_azimuth_and_elevation_are_within_the_grid_spacing(far, method) -> None:
    truth = unit_vector(np.radians(-123.0), np.radians(22.0))
    xyz = method(grid=10.0).locate(far(TETRAHEDRON, truth)).tracks.xyz
    assert xyz.shape == (2, 1, 3)
    assert np.degrees(angle_between(xyz[0, 0], truth)) < 10


@pytest.mark.parametrize("method", COHERENT)
def test_coherent_methods_estimate_elevation(far, method) -> None:
    truth = unit_vector(np.radians(-123.0), np.radians(40.0))
    xyz = method(low=1000.0, high=2500.0, grid=10.0).locate(far(CIRCLE, truth)).tracks.xyz[0, 0]
    assert np.degrees(angle_between(xyz, truth)) < 10


def test_tops_estimates_elevation(far) -> None:
    truth = unit_vector(np.radians(-123.0), np.radians(22.0))
    xyz = pra.PraTops(grid=10.0).locate(far(TETRAHEDRON, truth)).tracks.xyz[0, 0]
    assert np.degrees(angle_between(xyz, truth)) < 10


@pytest.mark.parametrize("method", [*SUBSPACE, *COHERENT, pra.PraTops])
def test_two_dimensions_search_azimuth_only(far, method) -> None:
    recording = far(CIRCLE, unit_vector(np.radians(70.0)))
    xyz = method(dimensions=2).locate(recording).tracks.xyz[0, 0]
    assert xyz[2] == 0
    assert np.degrees(angle_between(xyz, unit_vector(np.radians(70.0)))) < 10


def test_frida_finds_azimuth_and_restores_the_global_generator(far) -> None:
    recording = far(SQUARE, unit_vector(np.radians(70.0)))
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    first, second = (pra.PraFrida().locate(recording).tracks.xyz for _ in range(2))
    assert np.random.rand() == expected  # noqa: NPY002
    np.testing.assert_array_equal(first, second)
    assert np.degrees(angle_between(first[0, 0], unit_vector(np.radians(70.0)))) < 5


def test_a_horizontal_array_gives_the_upper_of_two_mirror_images(far) -> None:
    below = unit_vector(np.radians(50), np.radians(-30))
    azimuth, elevation = azimuth_elevation(
        pra.PraMusic().locate(far(SQUARE, below)).tracks.xyz[0, 0]
    )
    np.testing.assert_allclose(np.degrees([azimuth, elevation]), [50, 30], atol=6)


def test_two_sources_are_both_found(far) -> None:
    truth = unit_vector(np.radians([20.0, 160.0]))
    recording = far(TETRAHEDRON * 2, truth, max_sources=2)
    xyz = pra.PraMusic(dimensions=2, high=2500.0).locate(recording).tracks.xyz[0]
    angles = np.degrees(angle_between(xyz[:, None], truth[None]))
    assert angles.min(axis=0).max() < 10


def test_the_noise_subspace_limits_the_number_of_tracks(far) -> None:
    recording = far(SQUARE, [1.0, 0, 0], max_sources=6)
    tracks = pra.PraMusic(dimensions=2).locate(recording).tracks
    assert tracks.xyz.shape == (2, 6, 3)
    assert tracks.active.sum(axis=1).max() <= 3


@pytest.mark.parametrize("method", COHERENT)
def test_coherent_methods_give_no_detection_if_no_frequency_has_enough_peaks(far, method) -> None:
    recording = far(SQUARE, unit_vector(np.radians([20.0]), np.radians([80.0])), max_sources=3)
    assert np.isnan(method(low=300.0, high=800.0).locate(recording).tracks.xyz).all()


@pytest.mark.parametrize("method", COHERENT)
def test_other_errors_of_coherent_methods_are_raised(far, method, monkeypatch) -> None:
    def fail(estimator, spectra):
        raise ValueError("something else")

    estimator = getattr(pra.pyroomacoustics.doa, method.estimator)
    monkeypatch.setattr(estimator, "_process", fail)
    with pytest.raises(ValueError, match="something else"):
        method().locate(far(SQUARE, [1.0, 0, 0]))


def test_frida_finds_three_sources_with_a_square(far) -> None:
    truth = unit_vector(np.radians([-120.0, 0.0, 120.0]))
    xyz = pra.PraFrida().locate(far(SQUARE, truth, max_sources=3)).tracks.xyz[0]
    angles = np.degrees(angle_between(xyz[:, None], truth[None]))
    assert angles.min(axis=0).max() < 10


def test_the_baselines_limit_the_number_of_tracks_of_frida(far) -> None:
    triangle = SQUARE[:3]
    tracks = pra.PraFrida().locate(far(triangle, [1.0, 0, 0], max_sources=3)).tracks
    assert tracks.active.sum(axis=1).tolist() == [2, 2]


@pytest.mark.parametrize("method", [*SUBSPACE, *COHERENT, pra.PraTops, pra.PraFrida])
def test_silence_gives_no_detection(method) -> None:
    audio, times = np.zeros((4, 8000), np.float32), np.array([0.1, 0.2])
    recording = Recording("r", audio, 16000, MicArray(SQUARE), times, "direction", 0.1)
    assert np.isnan(method().locate(recording).tracks.xyz).all()


def test_a_frame_shorter_than_a_window_is_padded(far) -> None:
    whole = far(SQUARE, [1.0, 0, 0])
    short = Recording("r", whole.audio[:, :300], 16000, whole.array, np.zeros(1), "direction")
    assert np.isfinite(pra.PraSrp().locate(short).tracks.xyz).all()


def test_a_band_without_frequencies_is_an_error(far) -> None:
    with pytest.raises(ParameterError, match="low=4000 and high=3000 leave no frequency"):
        pra.PraSrp(low=4000.0, high=3000.0).locate(far(SQUARE, [1.0, 0, 0]))


def test_an_odd_window_length_is_an_error() -> None:
    with pytest.raises(ParameterError, match="nfft=511 is odd"):
        pra.PraSrp(nfft=511)
