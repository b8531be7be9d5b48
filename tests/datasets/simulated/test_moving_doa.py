"""Moving sources: what scenes contain, and that sound comes from where the ground truth says."""

import numpy as np
import pytest
import torch

from sslbench.acoustics.gcc import gcc_phat
from sslbench.contracts import DatasetRequest
from sslbench.datasets.simulated import moving_doa
from sslbench.datasets.simulated.moving_doa import ARRAY, MovingDoa
from sslbench.datasets.simulated.moving_events import Event, directions, draw_events
from sslbench.errors import ParameterError
from sslbench.geometry import angle_between, azimuth_elevation, tdoa


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Return the test scenes at smoke scale by format."""
    cache = tmp_path_factory.mktemp("moving")
    found = {}
    for form in ("mic", "foa"):
        request = DatasetRequest("test", "smoke", {"format": form}, None, cache)
        dataset = MovingDoa(request)
        found[form] = [dataset.scene(index) for index in range(len(dataset))]
    return found


def alone(scene):
    """Return the frames in which one source is active, and its direction in each."""
    tracks = scene.truth.tracks
    rows = np.flatnonzero(tracks.active.sum(axis=1) == 1)
    return rows, tracks.xyz[rows, tracks.active[rows].argmax(axis=1)]


class TestEvents:
    def test_sources_appear_move_pause_and_stop(self):
        rng = np.random.default_rng(0)
        events = [event for _ in range(200) for event in draw_events(rng, 200, 2, 3)]
        speed = [np.abs(np.degrees(np.diff(event.azimuth))) * 10 for event in events]
        still = np.mean([not each.any() for each in speed])
        pausing = np.mean([(each == 0).any() and each.any() for each in speed])
        assert 0.2 < still < 0.3
        assert 0.2 < pausing < 0.4
        fastest = np.array([each.max() for each in speed])
        assert fastest[fastest > 0].min() >= 5
        assert 38 < fastest.max() <= 40
        assert all(0 <= event.first < event.last <= 200 for event in events)

    @pytest.mark.parametrize("voices", [1, 2])
    def test_there_are_never_more_sources_than_voices(self, voices):
        rng = np.random.default_rng(0)
        events = draw_events(rng, 2000, voices, 1)
        xyz = directions(events, [0.0], 2000)
        assert np.isfinite(xyz).all(axis=-1).sum(axis=1).max() == voices

    def test_directions_are_those_in_the_middle_of_frames(self):
        event = Event(1, 2, np.radians([0.0, 10.0, 30.0]))
        xyz = directions([event], [0.0, 0.5], 5)
        assert np.isnan(xyz[[0, 1, 4]]).all()
        azimuth, elevation = azimuth_elevation(xyz[2:4, 0])
        np.testing.assert_allclose(np.degrees(azimuth), [5, 20])
        np.testing.assert_allclose(elevation, 0.5)


class TestScenes:
    def test_two_sources_overlap_during_about_a_third_of_the_time(self, make):
        dataset = make(MovingDoa, "train", scale="quick")
        count = np.concatenate([dataset.tracks(i).active.sum(axis=1) for i in range(200)])
        assert 0.25 < np.mean(count == 2) < 0.35
        assert count.max() == 2

    def test_some_sources_cross_nearer_than_20_degrees(self, make):
        dataset = make(MovingDoa, "train", scale="quick")
        near = []
        for index in range(1, 60, 2):
            tracks = dataset.tracks(index)
            for frame in np.flatnonzero(tracks.active.sum(axis=1) == 2):
                first, second = tracks.xyz[frame, tracks.active[frame]]
                near.append(np.degrees(angle_between(first, second)) < 20)
        assert 0.02 < np.mean(near) < 0.3

    def test_splits_share_no_room(self, make):
        sizes = {
            make(MovingDoa, split, scale="quick")._room(index).size
            for split, count in (("train", 40), ("validation", 10), ("test", 10))
            for index in range(count)
        }
        assert len(sizes) == 30

    def test_rings_are_in_the_room(self, make):
        dataset = make(MovingDoa, "train", scale="paper")
        for index in range(0, 120, 2):
            room = dataset._room(index)
            points = room.points(90)
            assert (points >= 0.29).all()
            assert (points <= np.array(room.size) - 0.29).all()

    def test_a_scene_has_a_time_every_100_ms_and_the_room_as_cluster(self, scenes):
        scene = scenes["mic"][0]
        np.testing.assert_allclose(scene.recording.times, 0.05 + 0.1 * np.arange(40))
        assert scene.recording.frame == 0.1
        assert scene.clusters == {"room": "test-000"}
        assert 15 <= scene.recording.conditions["snr_db"] <= 30

    def test_the_array_is_a_tetrahedron_with_the_directions_of_dcase(self):
        between = np.linalg.norm(ARRAY.positions[:, None] - ARRAY.positions, axis=-1)
        sides = between[np.triu_indices(4, 1)]
        np.testing.assert_allclose(np.linalg.norm(ARRAY.positions, axis=1), 0.042)
        assert sides.max() - sides.min() < 0.003
        azimuth, elevation = azimuth_elevation(ARRAY.positions)
        np.testing.assert_allclose(np.degrees(azimuth), [45, -45, 135, -135])
        np.testing.assert_allclose(np.degrees(elevation), [35, -35, -35, 35])


class TestFormats:
    def test_both_formats_are_of_the_same_scenes(self, scenes, make):
        for mic, foa in zip(scenes["mic"], scenes["foa"], strict=True):
            assert foa.recording.array.format == "foa"
            np.testing.assert_array_equal(mic.truth.tracks.xyz, foa.truth.tracks.xyz)
            assert mic.recording.conditions == foa.recording.conditions
            # W is the sound at the centre of the tetrahedron.
            w, centre = foa.recording.audio[0], mic.recording.audio.mean(axis=0)
            assert np.corrcoef(w, centre)[0, 1] > 0.9
        first, second = make(MovingDoa), make(MovingDoa, format="foa")
        assert first._cache.folder == second._cache.folder
        assert first.fingerprint() != second.fingerprint()

    def test_the_intensity_vector_points_to_the_source(self, scenes):
        errors = []
        for scene in scenes["foa"]:
            rows, truth = alone(scene)
            w, y, z, x = scene.recording.frames()[rows].swapaxes(0, 1)
            intensity = np.stack([(w * each).mean(axis=-1) for each in (x, y, z)], axis=-1)
            unit = intensity / np.linalg.norm(intensity, axis=-1, keepdims=True)
            errors.append(np.degrees(angle_between(unit, truth)))
        assert np.median(np.concatenate(errors)) < 12

    def test_delays_are_those_of_the_ground_truth(self, scenes):
        errors = []
        for scene in scenes["mic"]:
            rows, truth = alone(scene)
            for frame, direction in zip(scene.recording.frames()[rows], truth, strict=True):
                gcc = gcc_phat(torch.tensor(frame), 8)
                measured = (gcc.argmax(dim=-1) - 8).numpy() / 24000
                errors.append(np.abs(measured - tdoa(ARRAY.positions, 100 * direction)))
        assert np.median(errors) < 1 / 24000


def test_the_smallest_scale_is_small():
    assert moving_doa.SCALES["smoke"].points * moving_doa.SCALES["smoke"].rings <= 24


class TestMixtures:
    @pytest.fixture
    def mixed(self, make):
        return make(MovingDoa, "train", augment=2)

    def test_they_are_added_to_the_training_split_only(self, make, mixed):
        assert len(mixed) == len(make(MovingDoa, "train")) + 2
        assert len(make(MovingDoa, "test", augment=2)) == len(make(MovingDoa, "test"))

    def test_two_scenes_of_one_source_and_one_room_are_mixed(self, mixed):
        scene = mixed.scene(len(mixed) - 1)
        parts = [
            mixed.scene(int(name.removeprefix("train-"))) for name in scene.recording.id.split("+")
        ]
        assert len(parts) == 2
        assert parts[0].clusters == parts[1].clusters == scene.clusters
        assert all(part.truth.tracks.active.sum(axis=1).max() == 1 for part in parts)
        audio = np.mean([part.recording.audio for part in parts], axis=0)
        np.testing.assert_allclose(scene.recording.audio, audio, atol=1e-6)
        assert "snr_db" not in scene.recording.conditions

    def test_the_sources_of_both_have_identities_of_their_own(self, mixed):
        name, truth = mixed.truth(len(mixed) - 2)
        parts = [mixed.truth(int(each.removeprefix("train-")))[1] for each in name.split("+")]
        assert truth.tracks.xyz.shape[1] == sum(part.tracks.xyz.shape[1] for part in parts)
        assert len(set(truth.tracks.ids)) == truth.tracks.xyz.shape[1]
        assert truth.tracks.active.sum(axis=1).max() <= 2

    def test_scenes_without_mixtures_stay_as_they_are(self, make, mixed):
        plain = make(MovingDoa, "train")
        assert plain._cache.folder == mixed._cache.folder
        assert plain.fingerprint() != mixed.fingerprint()
        test = make(MovingDoa, "test")
        assert test.fingerprint() == make(MovingDoa, "test", augment=2).fingerprint()

    def test_more_mixtures_than_pairs_are_refused(self, make):
        with pytest.raises(ParameterError, match=r"augment=99, but there are \d pairs"):
            len(make(MovingDoa, "train", augment=99))

    def test_a_scene_beyond_the_last_does_not_exist(self, mixed):
        with pytest.raises(IndexError):
            mixed.scene(len(mixed))
