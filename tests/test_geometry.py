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


def test_azimuth_is_counter_clockwise_from_front_and_elevation_up():
    left_and_up = geometry.azimuth_elevation([[0, 2, 0], [0, 0, 3]])
    assert_allclose(np.degrees(left_and_up[0][0]), 90)
    assert_allclose(np.degrees(left_and_up[1]), [0, 90])


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 1.0, np.pi - 1e-9, np.pi])
def test_angle_between_is_exact_near_zero_and_pi(angle):
    u, v = geometry.unit_vector(0.0), geometry.unit_vector(angle)
    assert_allclose(geometry.angle_between(u, v), angle, rtol=1e-6, atol=1e-15)


@given(st.floats(-100, 100))
def test_wrapped_angles_lie_in_one_turn_and_point_the_same_way(angle):
    wrapped = float(geometry.wrap_angle(angle))
    assert -np.pi <= wrapped < np.pi
    assert_allclose(np.exp(1j * wrapped), np.exp(1j * angle), atol=1e-9)


def test_tdoa_is_arrival_at_i_minus_arrival_at_j():
    mics = [[0, 0, 0], [3.43, 0, 0], [0, 6.86, 0]]
    assert_allclose(geometry.tdoa(mics, [0, 0, 0], 343.0), [-0.01, -0.02, -0.01])


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
def test_rank_counts_the_dimensions_an_array_spans(mics, rank):
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
def test_positions_that_cannot_serve_are_refused_by_name(mics, message):
    with pytest.raises(GeometryError, match=message):
        geometry.check_microphones(mics)


def test_a_point_is_inside_the_hull_of_a_cube_and_never_of_a_flat_array():
    cube = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T
    assert geometry.inside_hull([[0.5, 0.5, 0.5], [1.5, 0.5, 0.5]], cube).tolist() == [True, False]
    assert not geometry.inside_hull([0.5, 0.5, 0.0], cube[cube[:, 2] == 0])


def test_sphere_points_are_unit_vectors_spread_evenly():
    points = geometry.fibonacci_sphere(500)
    assert_allclose(np.linalg.norm(points, axis=1), 1)
    assert_allclose(points.mean(axis=0), 0, atol=0.01)


def test_a_box_knows_its_centre_and_what_it_contains():
    box = Box((0, 0, 1), (4, 2, 1))
    assert box.flat
    assert_allclose(box.centre, [2, 1, 1])
    assert box.contains([[1, 1, 1], [5, 1, 1]]).tolist() == [True, False]
    assert_allclose(box.clip([9, -1, 0]), [4, 0, 1])


def test_a_box_that_ends_before_it_begins_is_refused():
    with pytest.raises(GeometryError, match="no region"):
        Box((0, 0, 1), (1, 1, 0))
