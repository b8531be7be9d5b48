import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sslbench import geometry
from sslbench.errors import GeometryError
from sslbench.geometry import Box

angles = st.floats(-np.pi, np.pi)
elevations = st.floats(-1.5, 1.5)


@given(angles, elevations)
def test_azimuth_and_elevation_invert_unit_vector(azimuth, elevation):
    back = geometry.azimuth_elevation(geometry.unit_vector(azimuth, elevation))
    assert abs(geometry.wrap_angle(back[0] - azimuth)) < 1e-9
    assert abs(back[1] - elevation) < 1e-9


def test_azimuth_is_counter_clockwise_from_the_front_and_elevation_upwards():
    left_and_up = geometry.azimuth_elevation([[0, 2, 0], [0, 0, 3]])
    assert_allclose(np.degrees(left_and_up[0][0]), 90)
    assert_allclose(np.degrees(left_and_up[1]), [0, 90])


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 1.0, np.pi - 1e-9, np.pi])
def test_angle_between_is_accurate_near_zero_and_pi(angle):
    u, v = geometry.unit_vector(0.0), geometry.unit_vector(angle)
    assert_allclose(geometry.angle_between(u, v), angle, rtol=1e-6, atol=1e-15)


@given(st.floats(-100, 100))
def test_wrapped_angles_are_in_range_and_equivalent(angle):
    wrapped = float(geometry.wrap_angle(angle))
    assert -np.pi <= wrapped < np.pi
    assert_allclose(np.exp(1j * wrapped), np.exp(1j * angle), atol=1e-9)


def test_tdoa_is_arrival_at_i_minus_arrival_at_j():
    mics = [[0, 0, 0], [3.43, 0, 0], [0, 6.86, 0]]
    assert_allclose(geometry.tdoa(mics, [0, 0, 0], 343.0), [-0.01, -0.02, -0.01])


def test_far_field_tdoa_is_that_of_distant_sources():
    mics = np.random.default_rng(0).uniform(-1, 1, (4, 3))
    directions = geometry.fibonacci_sphere(20)
    expected = geometry.tdoa(mics, 1e6 * directions, 340.0)
    assert_allclose(geometry.far_field_tdoa(mics, directions, 340.0), expected, atol=1e-8)


def test_pairs_are_ordered_and_complete():
    i, j = geometry.microphone_pairs(11)
    assert len(i) == 55
    assert (i < j).all()


@pytest.mark.parametrize(
    ("mics", "rank"),
    [
        ([[1, 1, 1], [1, 1, 1]], 0),
        ([[0, 0, 0], [1, 1, 0], [2, 2, 0]], 1),
        ([[0, 0, 1], [1, 0, 1], [0, 1, 1]], 2),
        ([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], 3),
    ],
)
def test_rank_is_the_number_of_dimensions_an_array_spans(mics, rank):
    assert geometry.array_rank(mics) == rank


@pytest.mark.parametrize(
    ("mics", "message"),
    [
        ([[0, 0, 0]], "shape"),
        ([[0, 0], [1, 1]], "shape"),
        ([[0, 0, 0], [np.nan, 0, 0]], "microphone 1 has no finite position"),
        ([[0, 0, 0], [1, 0, 0], [0, 0, 0]], "microphones 0 and 2 coincide"),
    ],
)
def test_invalid_microphone_positions_are_an_error(mics, message):
    with pytest.raises(GeometryError, match=message):
        geometry.check_microphones(mics)


def test_sphere_points_are_uniformly_spread_unit_vectors():
    points = geometry.fibonacci_sphere(500)
    assert_allclose(np.linalg.norm(points, axis=1), 1)
    assert_allclose(points.mean(axis=0), 0, atol=0.01)


def test_a_box_has_a_centre_and_contains_points():
    box = Box((0, 0, 1), (4, 2, 1))
    assert box.flat
    assert_allclose(box.centre, [2, 1, 1])
    assert box.contains([[1, 1, 1], [5, 1, 1]]).tolist() == [True, False]


def test_a_box_whose_minimum_exceeds_its_maximum_is_an_error():
    with pytest.raises(GeometryError, match="not a valid region"):
        Box((0, 0, 1), (1, 1, 0))
