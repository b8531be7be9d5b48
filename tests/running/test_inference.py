"""A method runs on every recording, in windows where that gives the same result."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from helpers import world
from sslbench.contracts import Windowing, window_of
from sslbench.datasets.alterations import Altered, Microphones
from sslbench.errors import CellError
from sslbench.running import inference
from sslbench.running.inference import check_prediction, run_inference
from sslbench.scene import Prediction, Tracks


@pytest.fixture
def infer(session, cell):
    """Run a method on the data set of moving sources, and return the predictions."""

    def go(name, dataset=None, **changes):
        chosen = cell(name, "walk")
        spec = replace(session.method_spec(chosen.method), **changes)
        method = session.method(chosen.method)
        data = dataset or session.dataset(chosen.dataset, chosen.split, chosen.scale)
        return run_inference(chosen, spec, method, data).predictions

    return go


@pytest.fixture
def short(monkeypatch):
    """Cut recordings for frame-wise methods into windows of half a second."""
    monkeypatch.setattr(inference, "FRAME_WISE", Windowing(seconds=0.5))


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name in expected:
        one, other = found[name].tracks, expected[name].tracks
        assert_array_equal(one.times, other.times)
        assert_array_equal(one.xyz, other.xyz)
        assert_array_equal(one.active, other.active)


def test_a_frame_wise_method_gives_the_same_in_windows(infer, short):
    whole = infer("loudness", frame_wise=False)
    assert set(world.Loudness.windows) == {world.Walk.FRAMES}
    world.Loudness.windows.clear()
    assert_same(infer("loudness"), whole)
    assert max(world.Loudness.windows) == 10


def test_recordings_of_a_method_that_is_not_frame_wise_stay_whole(infer, short):
    infer("loudness", frame_wise=False)
    assert set(world.Loudness.windows) == {world.Walk.FRAMES}


def test_a_recording_without_frames_stays_whole(infer, short, monkeypatch):
    scene = world.Walk.scene

    def without_frames(self, index):
        found = scene(self, index)
        return replace(found, recording=replace(found.recording, frame=None))

    monkeypatch.setattr(world.Walk, "scene", without_frames)
    monkeypatch.setattr(world.Loudness, "locate", world.Detector.locate)
    monkeypatch.setattr(world.Loudness, "calls", 0, raising=False)
    infer("loudness")
    assert world.Loudness.calls == 3


def test_a_method_sets_its_own_windows(infer, monkeypatch):
    windowing = Windowing(rows=16, context=0.01)
    monkeypatch.setattr(world.Loudness, "windowing", windowing, raising=False)
    infer("loudness", frame_wise=False)
    assert world.Loudness.windows == [16, 16, 8] * 3


def test_a_recording_as_long_as_one_window_stays_whole(infer, monkeypatch):
    monkeypatch.setattr(world.Loudness, "windowing", Windowing(rows=40), raising=False)
    infer("loudness", frame_wise=False)
    assert world.Loudness.windows == [40] * 3


def test_a_window_has_context_as_far_as_the_recording_extends(infer, monkeypatch):
    durations = []
    locate = world.Loudness.locate

    def noting(self, recording):
        durations.append(round(recording.duration, 3))
        return locate(self, recording)

    monkeypatch.setattr(world.Loudness, "locate", noting)
    windowing = Windowing(rows=20, context=0.2)
    monkeypatch.setattr(world.Loudness, "windowing", windowing, raising=False)
    infer("loudness", frame_wise=False)
    # Twenty frames of 0.1 s every 0.05 s last 1.05 s; one side is the end of the recording.
    assert durations[:2] == [1.25, 1.3]


def test_altered_recordings_are_cut_too(infer, session, cell, short):
    walk = cell("loudness", "walk+mics[n=3]")
    altered = session.dataset(walk.dataset, "test", "smoke")
    assert isinstance(altered, Altered)
    assert isinstance(altered.alteration, Microphones)
    whole = infer("loudness", altered, frame_wise=False)
    assert_same(infer("loudness", altered), whole)


def test_scenes_of_data_without_partial_reading_are_made_once_per_recording(
    infer, short, monkeypatch
):
    made = []
    scene = world.Walk.scene

    def noting(self, index):
        made.append(index)
        return scene(self, index)

    monkeypatch.setattr(world.Walk, "scene", noting)
    monkeypatch.setattr(world.Walk, "truth", lambda self, i: _truth(scene(self, i)), raising=False)
    infer("loudness")
    assert made == [0, 1, 2]


def _truth(scene):
    return scene.recording.id, scene.truth


def test_batches_are_limited_in_samples(session, cell, monkeypatch):
    sizes = []

    def locate_many(self, recordings):
        sizes.append(len(recordings))
        return [self.locate(recording) for recording in recordings]

    monkeypatch.setattr(world.Corner, "locate_many", locate_many)
    monkeypatch.setattr(inference, "BATCH_SAMPLES", 3 * 4 * 1600)
    chosen = cell("corner")
    dataset = session.dataset(chosen.dataset, "test", "smoke")
    spec, method = session.method_spec(chosen.method), session.method(chosen.method)
    run_inference(chosen, spec, method, dataset)
    assert sizes == [3, 1]


def test_a_window_of_a_scene_has_the_ground_truth_of_its_frames(session, cell):
    scene = session.dataset(cell("loudness", "walk").dataset, "test", "smoke").scene(0)
    part = window_of(scene, slice(8, 12)).truth.tracks
    assert_array_equal(part.xyz, scene.truth.tracks.xyz[8:12])
    assert_array_equal(part.active[:, 1], [True, True, False, False])


def two(ids, microphones=None, confidence=None):
    xyz = np.arange(2 * len(ids) * 3, dtype=float).reshape(2, len(ids), 3)
    tracks = Tracks.of([0, 1], xyz, "position", ids=ids, confidence=confidence)
    return Prediction(tracks, microphones)


def test_tracks_of_one_id_become_one_column():
    joined = Prediction.join([two([0, 1]), two([1])], np.arange(4.0)).tracks
    assert joined.ids.tolist() == [0, 1]
    assert joined.active.tolist() == [[True, True]] * 2 + [[False, True]] * 2
    assert_array_equal(joined.xyz[2:, 1], two([1]).tracks.xyz[:, 0])


def test_windows_without_tracks_are_joined():
    joined = Prediction.join([two([]), two([7])], np.arange(4.0)).tracks
    assert joined.active.tolist() == [[False]] * 2 + [[True]] * 2


def test_confidence_is_joined_where_all_windows_have_it():
    half = np.full((2, 1), 0.5)
    joined = Prediction.join([two([0], None, half)] * 2, np.arange(4.0)).tracks
    assert_array_equal(joined.confidence, np.full((4, 1), 0.5))
    assert (
        Prediction.join([two([0], None, half), two([0])], np.arange(4.0)).tracks.confidence is None
    )


def test_microphones_are_the_median_of_their_estimates():
    estimates = [np.full((2, 3), value) for value in (1.0, 2.0, 9.0)]
    for estimate in estimates:
        estimate[1] = np.nan
    windows = [two([0], each) for each in (*estimates, None)]
    joined = Prediction.join(windows, np.arange(8.0)).microphones
    assert_array_equal(joined, [[2, 2, 2], [np.nan] * 3])


def test_something_else_than_a_prediction_is_refused(session, cell):
    recording = session.dataset(cell("corner").dataset, "test", "smoke").scene(0).recording
    with pytest.raises(CellError, match="returned a list"):
        check_prediction(recording, [1, 2, 3])
