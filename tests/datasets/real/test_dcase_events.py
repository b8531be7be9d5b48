"""The DCASE data sets of sound events: files, splits, identities and mixtures."""

import numpy as np
import pytest

from helpers.dcase_files import DISTANCES, FRAMES, INTERVALS, RELEASES, audio, opened, write
from sslbench.contracts import window_of
from sslbench.datasets.catalogue import entry
from sslbench.errors import MissingDataError
from sslbench.geometry import azimuth_elevation


@pytest.fixture
def root(tmp_path):
    """Write one recording per fold of the release of 2020, in both formats."""
    for array in ("mic", "foa"):
        for fold in range(1, 7):
            write(tmp_path, f"fold{fold}_room1_mix001_ov2", array=array)
        write(tmp_path, "mix001", array=array, group="eval")
    return tmp_path


def degrees(tracks):
    azimuth, elevation = (np.degrees(each) for each in azimuth_elevation(tracks.xyz))
    return np.round(azimuth, 6), np.round(elevation, 6)


class TestLabels:
    def test_an_event_is_a_track_with_an_identity(self, root):
        tracks = opened(root).scene(0).truth.tracks
        assert tracks.kind == "direction"
        assert tracks.active.sum(axis=0).tolist() == [2, 2, 1]
        assert np.flatnonzero(tracks.active[:, 1]).tolist() == [1, 2]
        assert len(set(tracks.ids.tolist())) == 3
        azimuth, elevation = degrees(tracks)
        assert azimuth[:3, 0].tolist()[:2] == [-30, -29]
        assert (azimuth[1, 1], elevation[1, 1]) == (90, -5)
        assert abs(azimuth[7, 2]) == 180

    def test_times_are_the_middles_of_frames_of_100_ms(self, root):
        recording = opened(root).scene(0).recording
        np.testing.assert_allclose(recording.times, 0.05 + 0.1 * np.arange(10))
        assert recording.frame == 0.1
        assert recording.frames().shape == (10, 4, 2400)

    def test_events_of_2019_last_from_start_to_end(self, tmp_path):
        write(tmp_path, "split1_ir0_ov2_1", INTERVALS, rate=48000)
        tracks = opened(tmp_path, "tau-sse-2019").scene(0).truth.tracks
        # The middles 0.15 and 0.25 s are within the first event, 0.25 to 0.75 s in the second.
        assert np.flatnonzero(tracks.active[:, 0]).tolist() == [1, 2]
        assert np.flatnonzero(tracks.active[:, 1]).tolist() == [2, 3, 4, 5, 6, 7]
        azimuth, elevation = degrees(tracks)
        assert (azimuth[5, 1], elevation[5, 1]) == (170, -20)

    def test_sources_of_one_number_and_two_classes_are_two(self, tmp_path):
        write(tmp_path, "dev-test-tau/fold4_room2_mix001", "0,1,0,10,0\n0,5,0,-50,0\n")
        tracks = opened(tmp_path, "starss22").scene(0).truth.tracks
        assert tracks.active[0].tolist() == [True, True]

    def test_distances_of_starss23_are_read_over(self, tmp_path):
        write(tmp_path, "dev-test-sony/fold4_room23_mix001", DISTANCES)
        scene = opened(tmp_path, "starss23").scene(0)
        assert scene.recording.id == "dev-test-sony/fold4_room23_mix001"
        azimuth, elevation = degrees(scene.truth.tracks)
        assert (azimuth[0, 1], elevation[0, 1]) == (-40, -10)

    @pytest.mark.parametrize("name", ["tau-nigens-2021", "starss22", "starss23"])
    def test_a_recording_may_have_no_event(self, tmp_path, name):
        fold = 6 if name == "tau-nigens-2021" else 4
        write(tmp_path, f"dev-test/fold{fold}_room1_mix001", "")
        tracks = opened(tmp_path, name).scene(0).truth.tracks
        assert tracks.xyz.shape == (10, 0, 3)


class TestSplits:
    @pytest.mark.parametrize(
        ("split", "folds"), [("train", "3456"), ("validation", "2"), ("test", "1")]
    )
    def test_folds_of_2020(self, root, split, folds):
        dataset = opened(root, split=split)
        names = [dataset.truth(index)[0] for index in range(len(dataset))]
        assert names == [f"fold{fold}_room1_mix001_ov2" for fold in folds]

    def test_the_evaluation_set_has_no_folds(self, root):
        dataset = opened(root, split="evaluation")
        assert [dataset.truth(index)[0] for index in range(len(dataset))] == ["mix001"]

    def test_without_a_fold_for_validation_it_is_every_fifth_recording(self, tmp_path):
        for number in range(12):
            write(tmp_path, f"dev-train-tau/fold3_room{number % 3}_mix{number:03d}")
        split = {
            name: {opened(tmp_path, "starss22", name).truth(i)[0] for i in range(count)}
            for name, count in (("train", 10), ("validation", 2))
        }
        assert len(split["train"] | split["validation"]) == 12
        assert not split["train"] & split["validation"]

    def test_a_scale_takes_evenly_spaced_recordings(self, tmp_path):
        for number in range(20):
            write(tmp_path, f"fold1_room1_mix{number:03d}_ov1")
        assert len(opened(tmp_path, scale="smoke")) == entry("tau-nigens-2020").limit("smoke")

    def test_recordings_of_a_room_are_a_cluster(self, root):
        assert opened(root).scene(0).clusters == {"room": "fold1_room1"}


class TestFormats:
    def test_the_array_is_that_of_the_format(self, root):
        mic, foa = (opened(root, format=each).scene(0).recording.array for each in ("mic", "foa"))
        assert foa.format == "foa"
        assert mic.format == "mics"
        radius = np.linalg.norm(mic.positions, axis=1)
        np.testing.assert_allclose(radius, 0.042, atol=1e-5)
        azimuth, elevation = (np.degrees(each) for each in azimuth_elevation(mic.positions))
        np.testing.assert_allclose(azimuth, [45, -45, 135, -135], atol=0.01)
        np.testing.assert_allclose(elevation, [35, -35, -35, 35], atol=0.01)

    def test_the_formats_have_fingerprints_of_their_own(self, root):
        prints = {opened(root, format=each).fingerprint() for each in ("mic", "foa")}
        assert len(prints) == 2

    def test_changed_labels_change_the_fingerprint(self, root):
        before = opened(root).fingerprint()
        (root / "metadata_dev" / "fold1_room1_mix001_ov2.csv").write_text("0,6,0,-30,10\n")
        assert opened(root).fingerprint() != before

    def test_a_missing_format_says_what_is_expected(self, tmp_path):
        write(tmp_path, "fold1_room1_mix001_ov1", array="foa")
        with pytest.raises(MissingDataError, match="mic_dev and metadata_dev"):
            opened(tmp_path)

    @pytest.mark.parametrize("name", RELEASES)
    def test_where_it_is_not_there_it_says_how_to_get_it(self, name):
        with pytest.raises(MissingDataError, match="--dataset moving-doa"):
            opened(None, name)


class TestWindows:
    @pytest.mark.parametrize("augment", [0, 1])
    def test_a_window_is_that_of_the_recording(self, tmp_path, augment):
        for number in range(2):
            samples = audio(seed=number)
            write(tmp_path, f"fold3_room1_mix{number}_ov1", "5,1,0,0,0\n", samples=samples)
        dataset = opened(tmp_path, split="train", augment=augment)
        index = len(dataset) - 1
        rows = slice(3, 7)
        whole = window_of(dataset.scene(index), rows)
        part = dataset.window(index, rows)
        np.testing.assert_allclose(part.recording.frames(), whole.recording.frames(), atol=1e-7)
        np.testing.assert_array_equal(part.truth.tracks.xyz, whole.truth.tracks.xyz)
        assert part.recording.duration < 0.5

    def test_audio_is_read_at_full_scale(self, tmp_path):
        samples = audio()
        write(tmp_path, "fold1_room1_mix001_ov1", samples=samples)
        found = opened(tmp_path).scene(0).recording.audio
        np.testing.assert_allclose(found, samples.T / 32768, atol=1e-6)


class TestMixtures:
    @pytest.fixture
    def single(self, tmp_path):
        for room in (1, 2):
            for number in range(4):
                name = f"fold3_room{room}_mix{number:03d}_ov1"
                write(tmp_path, name, "2,1,7,0,0\n", samples=audio(seed=10 * room + number))
            write(tmp_path, f"fold3_room{room}_mix100_ov2")
        write(tmp_path, "fold1_room1_mix001_ov1")
        return tmp_path

    def test_they_are_added_to_the_training_split_only(self, single):
        assert len(opened(single, split="train", augment=5)) == 10 + 5
        assert len(opened(single, split="test", augment=5)) == 1

    def test_they_join_two_recordings_of_one_source_and_one_room(self, single):
        dataset = opened(single, split="train", augment=12)
        names = [dataset.truth(index)[0] for index in range(10, 22)]
        assert len(set(names)) == 12
        for name in names:
            first, second = name.split("+")
            assert first.split("_")[1] == second.split("_")[1]
            assert first != second
            assert "_ov1" in first
            assert "_ov1" in second

    def test_audio_is_the_mean_and_events_keep_identities_of_their_own(self, single):
        dataset = opened(single, split="train", augment=1)
        scene = dataset.scene(10)
        parts = [
            scenes.recording.audio
            for scenes in map(dataset.scene, range(10))
            if scenes.recording.id in scene.recording.id.split("+")
        ]
        np.testing.assert_allclose(scene.recording.audio, sum(parts) / 2, atol=1e-7)
        assert scene.truth.tracks.active[2].tolist() == [True, True]
        assert len(set(scene.truth.tracks.ids.tolist())) == 2

    def test_the_choice_of_pairs_is_random_and_always_the_same(self, single):
        def names(count):
            dataset = opened(single, split="train", augment=count)
            return [dataset.truth(index)[0] for index in range(10, 10 + count)]

        assert names(4) == names(4)
        first = [f"fold3_room1_mix000_ov1+fold3_room1_mix00{n}_ov1" for n in (1, 2, 3)]
        assert names(4)[:3] != first


def test_the_release_of_2020_has_recordings_of_a_minute():
    assert {kind.release.seconds for kind, _ in list(RELEASES.values())[:3]} == {60}
    assert FRAMES.count("\n") == 5
