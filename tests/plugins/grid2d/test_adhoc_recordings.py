"""A method trained on short clips localizes in recordings of other lengths and sample rates."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
import yaml

from helpers.grid_cases import places
from sslbench.acoustics.resampling import resample
from sslbench.cell import Cell, Training
from sslbench.contracts import DatasetRequest
from sslbench.datasets.real.recordings import Recordings
from sslbench.registry import Registry
from sslbench.results.predictions import read_predictions
from sslbench.results.store import Store
from sslbench.running.localize import AudioFile, localize
from sslbench.running.prediction import predict
from sslbench.running.session import Session
from sslbench.selection import choose
from sslbench.specs import DatasetSpec, MethodSpec

TIMES = (0.2, 1.5, 2.9)


class TestOtherLengths:
    """The clips of the training have 4000 samples, 0.25 s."""

    def test_an_estimate_uses_the_clip_around_its_time(self, trained_adhoc, rooms):
        long = rooms("test", seconds=0.5).scene(0).recording
        middle = replace(long, audio=long.audio[:, 2000:6000], times=np.array([0.125]))
        found, expected = trained_adhoc.locate(long), trained_adhoc.locate(middle)
        assert np.array_equal(places([found]), places([expected]))

    def test_a_long_recording_has_one_estimate_per_time(self, trained_adhoc, rooms):
        long = rooms("test", seconds=1.0).scene(0).recording
        times = np.array([0.125, 0.4, 0.6, 0.875])
        tracks = trained_adhoc.locate(replace(long, times=times)).tracks
        assert np.array_equal(tracks.times, times)
        last = replace(long, audio=long.audio[:, -4000:], times=np.array([0.125]))
        expected = trained_adhoc.locate(last).tracks.xyz[0]
        np.testing.assert_allclose(tracks.xyz[-1], expected, atol=1e-4)

    def test_a_shorter_recording_is_padded(self, trained_adhoc, room_recordings):
        first = room_recordings[0]
        short = replace(first, audio=first.audio[:, :2500], times=np.array([0.05]))
        padded = np.pad(short.audio, ((0, 0), (0, 1500)))
        expected = trained_adhoc.locate(replace(short, audio=padded))
        assert np.array_equal(places([trained_adhoc.locate(short)]), places([expected]))

    def test_another_sample_rate_is_resampled(self, trained_adhoc, room_recordings):
        first = room_recordings[0]
        other = replace(first, audio=resample(first.audio, 16000, 44100), sample_rate=44100)
        found, expected = trained_adhoc.locate(other), trained_adhoc.locate(first)
        # The resampler removes frequencies near 8 kHz.
        assert np.abs(found.tracks.xyz - expected.tracks.xyz).max() < 0.3


@pytest.fixture(scope="module")
def scene(rooms):
    """A scene of 3 s at 44.1 kHz."""
    found = rooms("test", seconds=3.0).scene(0)
    audio = resample(found.recording.audio, 16000, 44100)
    scaled = (audio / np.abs(audio).max() * 0.5).astype(np.float32)
    return replace(found, recording=replace(found.recording, audio=scaled, sample_rate=44100))


@pytest.fixture
def folder(scene, tmp_path):
    """A folder with that recording as a wav file, and its ground truth at three times."""
    recording, source = scene.recording, scene.truth.tracks.xyz[0, 0]
    soundfile.write(tmp_path / "room.wav", recording.audio.T, 44100)
    layout = {
        "microphones": recording.array.positions.tolist(),
        "search": {"min": list(recording.region.low), "max": list(recording.region.high)},
    }
    (tmp_path / "array.yaml").write_text(yaml.safe_dump(layout))
    place = ",".join(map(str, source))
    rows = [f"room.wav,{time},{place}" for time in TIMES]
    (tmp_path / "truth.csv").write_text("\n".join(["file,time_s,x,y,z", *rows]) + "\n")
    return tmp_path


def test_a_folder_of_recordings_is_predicted(trained_adhoc, folder, tmp_path):
    params = {"root": str(folder), "frame": 0.16}
    dataset = Recordings(DatasetRequest("test", "smoke", params, None, tmp_path))
    recording = dataset.scene(0).recording
    assert recording.sample_rate == 44100
    tracks = trained_adhoc.locate(recording).tracks
    assert tracks.xyz.shape == (3, 1, 3)
    assert recording.region.contains(tracks.xyz).all()


@pytest.mark.parametrize(("every", "estimates"), [(None, 1), (0.5, 6)])
def test_a_wav_file_is_predicted(trained_adhoc, folder, every, estimates):
    file = AudioFile(folder / "room.wav", folder / "array.yaml", every, 1)
    recording = file.scene(0).recording
    tracks = trained_adhoc.locate(recording).tracks
    assert tracks.xyz.shape == (estimates, 1, 3)
    assert recording.region.contains(tracks.xyz).all()


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    folder = tmp_path_factory.mktemp("session")
    return Session(Registry.installed(), Store(folder / "store"), folder / "cache", "cpu")


@pytest.fixture
def training(session):
    """The smoke scale of `feng2025-ad1`, without reverberation so that it renders in seconds."""
    method = choose(session.registry.find(MethodSpec, "grid2d-adhoc").spec, {})
    data = choose(session.registry.find(DatasetSpec, "feng2025-ad1").spec, {"order": 0})
    return Training(method, data, "smoke", 0)


def median_error(tracks, scene):
    errors = tracks.xyz[:, 0] - scene.truth.tracks.xyz[0, 0]
    return np.median(np.linalg.norm(errors, axis=1))


@pytest.mark.slow
def test_trained_on_ad1_it_localizes_in_a_wav_file(session, training, folder, scene):
    file = AudioFile(folder / "room.wav", folder / "array.yaml", 0.5, 1)
    _, prediction = localize(session, training.method, file, training)
    assert median_error(prediction.tracks, scene) < 0.5


@pytest.mark.slow
def test_trained_on_ad1_it_predicts_a_folder_of_recordings(session, training, folder, scene):
    spec = session.registry.find(DatasetSpec, "recordings").spec
    chosen = choose(spec, {"root": str(folder)})
    cell = Cell(training.method, chosen, "test", "smoke", training=training)
    found = predict(session, cell, lambda report: None)
    (prediction,) = read_predictions(found.path).values()
    np.testing.assert_allclose(prediction.tracks.times, TIMES, atol=1e-6)
    assert median_error(prediction.tracks, scene) < 0.5
