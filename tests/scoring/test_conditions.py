"""Conditions that follow from the ground truth, compared with values computed by hand."""

import math

import numpy as np
import pytest

from sslbench.geometry import Box, unit_vector
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench.scoring.conditions import scene_conditions
from sslbench.scoring.strata import stratify

SQUARE = np.array([[0.0, 0, 1], [2, 0, 1], [2, 2, 1], [0, 2, 1]])
PYRAMID = np.array([[0.0, 0, 0], [3, 0, 0], [0, 3, 0], [0, 0, 3]])
NOWHERE = [np.nan] * 3


def conditions(xyz, kind="position", microphones=SQUARE, array=None, **facts):
    """Return the conditions of sources, shape (frames, sources, 3), at half a second per frame."""
    array = array or MicArray(np.array(microphones))
    truth = Tracks.of(np.arange(len(xyz)) / 2, xyz, kind, **facts)
    recording = Recording(
        id="scene",
        audio=np.zeros((array.channels, 8), np.float32),
        sample_rate=8,
        array=array,
        times=truth.times,
        kind=kind,
        region=Box((-9, -9, -9), (9, 9, 9)),
    )
    return scene_conditions(Scene(recording, Prediction(truth)))


def test_one_still_source_in_one_frame():
    assert conditions([[[1, 4, 1]]]) == {
        "microphones": 4,
        "sources": 1,
        "distance_m": 3.0,
        "azimuth_deg": 90.0,
        "elevation_deg": 0.0,
        "in_hull": False,
    }


def test_a_direction_has_neither_distance_nor_hull():
    found = conditions([[unit_vector(np.radians(-30), np.radians(20))]], "direction")
    assert found == {"microphones": 4, "sources": 1, "azimuth_deg": -30.0, "elevation_deg": 20.0}


def test_without_active_sources_undefined_conditions_are_left_out():
    assert conditions([[NOWHERE], [NOWHERE]]) == {"microphones": 4, "sources": 0}
    assert conditions(np.zeros((2, 0, 3))) == {"microphones": 4, "sources": 0}


def test_sources_is_the_largest_number_of_simultaneous_sources():
    apart = [[[1, 4, 1], NOWHERE], [NOWHERE, [1, 4, 1]]]
    assert conditions(apart)["sources"] == 1
    assert conditions([[[1, 4, 1], [4, 1, 1]], *apart])["sources"] == 2


def test_inactive_places_do_not_count():
    found = conditions([[[1, 4, 1], [9, 9, 9]]], active=[[True, False]])
    assert (found["sources"], found["distance_m"]) == (1, 3.0)


def test_separation_is_that_of_the_nearest_pair_while_both_are_active():
    near_far = [[[0, 0, 0], [2, 0, 0], [0, 9, 0]], [[0, 0, 0], [4, 0, 0], NOWHERE]]
    assert conditions(near_far)["separation_m"] == 3.0
    assert "separation_m" not in conditions([[[1, 0, 0], NOWHERE], [NOWHERE, [2, 0, 0]]])


def test_separation_of_directions_is_an_angle():
    found = conditions([[unit_vector(0.0), unit_vector(math.pi / 3)]], "direction")
    assert found["separation_deg"] == 60.0


def test_speed_is_path_over_time_while_a_source_is_active():
    walk = [[[0, 0, 0]], [[1, 0, 0]], [NOWHERE], [[5, 0, 0]], [[5, 0, 0]]]
    assert conditions(walk)["speed_m_s"] == 1.0
    assert "speed_m_s" not in conditions([[[0, 0, 0]], [NOWHERE], [[5, 0, 0]]])


def test_a_source_keeps_its_speed_when_its_column_changes():
    found = conditions([[[0, 0, 0], NOWHERE], [NOWHERE, [1, 0, 0]]], ids=[7, 7])
    assert found["speed_m_s"] == 2.0


def test_speed_of_directions_is_an_angle_per_second():
    turn = [[unit_vector(angle)] for angle in np.radians([170, 180, -170])]
    assert conditions(turn, "direction")["speed_deg_s"] == 20.0


@pytest.mark.parametrize(
    ("place", "inside"), [([0.5, 0.5, 0.5], True), ([1, 1, 1.5], False), ([-1, 0, 0], False)]
)
def test_in_hull_uses_the_convex_hull_of_the_microphones(place, inside):
    assert conditions([[place]], microphones=PYRAMID)["in_hull"] is inside


def test_the_hull_of_a_flat_array_is_in_its_plane():
    assert conditions([[[0.5, 1.5, 7]]])["in_hull"] is True
    tilted = SQUARE @ np.array([[1, 0, 0], [0, 0.6, 0.8], [0, -0.8, 0.6]])
    normal = np.cross(tilted[1] - tilted[0], tilted[3] - tilted[0])
    above = tilted.mean(axis=0) + normal
    assert conditions([[above]], microphones=tilted)["in_hull"] is True
    assert conditions([[above + tilted[1] - tilted[0]]], microphones=tilted)["in_hull"] is False


def test_in_hull_is_false_if_any_place_is_outside():
    assert conditions([[[1, 1, 1]], [[3, 1, 1]]])["in_hull"] is False


@pytest.mark.parametrize("microphones", [[[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 0, 0], [1, 0, 0]]])
def test_a_linear_array_has_no_hull(microphones):
    assert "in_hull" not in conditions([[[1, 0, 0]]], microphones=microphones)


def test_the_centre_of_an_encoded_format_is_the_origin():
    found = conditions([[[0, 3, 4]]], array=MicArray(format="foa"))
    assert (found["distance_m"], found["azimuth_deg"], found["microphones"]) == (5.0, 90.0, 4)
    assert "in_hull" not in found


def test_directions_that_cancel_out_are_left_out():
    opposite = conditions([[unit_vector(0.0), unit_vector(math.pi)]], "direction")
    assert not {"azimuth_deg", "elevation_deg"} & set(opposite)
    overhead = conditions([[[1, 1, 3]]])
    assert overhead["elevation_deg"] == 90.0
    assert "azimuth_deg" not in overhead


def test_a_source_in_the_middle_of_the_array_has_no_direction():
    found = conditions([[[1, 1, 1]]])
    assert found["distance_m"] == 0.0
    assert "azimuth_deg" not in found


def test_the_azimuth_straight_behind_is_always_180():
    below = [[[-4, 1 - 1e-12, 1]]]
    assert conditions(below)["azimuth_deg"] == conditions([[[-4, 1, 1]]])["azimuth_deg"] == 180.0


def test_rounding_errors_do_not_create_bins():
    rng = np.random.default_rng(0)
    scenes = {str(n): conditions([[[1 + 1e-9 * rng.standard_normal(), 4, 1]]]) for n in range(9)}
    assert stratify(scenes) == {}


def test_the_speed_is_left_out_if_times_do_not_increase():
    array = MicArray(SQUARE)
    truth = Tracks.of([1.0, 1.0], [[[0, 0, 0]], [[1, 0, 0]]], "position")
    recording = Recording(
        "scene", np.zeros((4, 8), np.float32), 8, array, truth.times, region=Box((0,) * 3, (9,) * 3)
    )
    assert "speed_m_s" not in scene_conditions(Scene(recording, Prediction(truth)))


class TestMovement:
    WAY = np.array([[0.0, 3, 1], [1, 3, 1], [2, 3, 1], [3, 3, 1]])

    def test_still_sources_have_no_conditions_of_movement(self):
        found = conditions(np.tile([[[1.0, 4, 1], [1.2, 4, 1]]], (4, 1, 1)))
        assert not {"overlap", "crossing", "pausing"} & set(found)

    def test_overlap_is_a_share_of_the_times_with_a_source(self):
        xyz = np.stack([self.WAY, self.WAY + np.array([0, 2, 0])], axis=1)
        xyz[1:, 1] = np.nan
        xyz[3, 0] = np.nan
        assert conditions(xyz)["overlap"] == pytest.approx(1 / 3, abs=1e-3)

    @pytest.mark.parametrize(("apart", "crossing"), [(0.4, True), (0.6, False)])
    def test_sources_cross_if_they_are_ever_near(self, apart, crossing):
        other = np.tile(self.WAY[2] + np.array([0, apart, 0]), (4, 1))
        assert conditions(np.stack([self.WAY, other], axis=1))["crossing"] is crossing

    def test_directions_cross_below_20_degrees(self):
        def found(angle):
            azimuth = np.radians([[0.0, 60], [10, 60], [60 - angle, 60]])
            return conditions(unit_vector(azimuth, np.zeros_like(azimuth)), "direction")

        assert found(19.0)["crossing"] is True
        assert found(21.0)["crossing"] is False

    def test_a_source_pauses_if_it_stands_still_between_movements(self):
        still = self.WAY[[0, 1, 1, 2]][:, None]
        assert conditions(still)["pausing"] is True  # half a second per frame
        assert conditions(self.WAY[:, None])["pausing"] is False

    def test_a_source_that_never_moves_does_not_pause(self):
        other = np.tile(self.WAY[0] + np.array([0, 5, 0]), (4, 1))
        assert conditions(np.stack([self.WAY, other], axis=1))["pausing"] is False
