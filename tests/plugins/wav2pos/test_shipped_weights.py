"""The weights that come with wav2pos and NGCC-PHAT, used as `sslbench localize` does."""

import json
from pathlib import Path

import numpy as np
import pytest

import sslbench
import sslbench_ngcc
import sslbench_wav2pos
from sslbench.errors import FormatError
from sslbench.results.predictions import read_predictions
from sslbench.scene import MicArray

BOARDS = Path(__file__).resolve().parents[3] / "leaderboards" / "results" / "rooms-sim" / "1"
RECORD = "features=ngcc,width=44,centred=true-test-quick-s0"
METHODS = {"srp-ngcc": 0.1, "multilateration[delays=ngcc]": 0.1, "wav2pos": 0.7}
"""Largest median error, relative to that of guessing the mean position."""


def weights(package):
    return Path(package.__file__).parent / "weights"


@pytest.fixture(scope="module")
def scenes():
    dataset = sslbench.load_dataset("rooms-sim", scale="quick")
    return [dataset.scene(index) for index in range(12)]


@pytest.fixture(scope="module")
def wav2pos():
    return sslbench.load_method("wav2pos")


def positions(method, scenes):
    return np.array([method.locate(scene.recording).tracks.xyz[0, 0] for scene in scenes])


def truth(scenes):
    return np.array([scene.truth.tracks.xyz[0, 0] for scene in scenes])


@pytest.mark.parametrize("package", [sslbench_ngcc, sslbench_wav2pos])
def test_weights_are_below_a_megabyte(package):
    files = [path for path in weights(package).rglob("*") if path.is_file()]
    assert 0 < sum(path.stat().st_size for path in files) < 1e6


def test_the_network_has_at_most_450_000_parameters(wav2pos):
    assert 4e5 < wav2pos.parameter_count <= 450_000


@pytest.mark.parametrize("method", METHODS)
def test_the_source_is_located_without_training(scenes, method, tmp_path, monkeypatch):
    monkeypatch.setenv("SSLBENCH_STORE", str(tmp_path))
    found = positions(sslbench.load_method(method), scenes)
    error = np.linalg.norm(found - truth(scenes), axis=1)
    guess = np.linalg.norm(truth(scenes) - truth(scenes).mean(axis=0), axis=1)
    assert np.median(np.nan_to_num(error, nan=3)) < METHODS[method] * np.median(guess)
    assert not (tmp_path / "train").exists()


def test_half_precision_changes_estimates_little(wav2pos, scenes):
    # The committed predictions are those of the training, in single precision.
    committed = read_predictions(BOARDS / "wav2pos" / f"{RECORD}.npz")
    expected = [committed[scene.recording.id].tracks.xyz[0, 0] for scene in scenes]
    distance = np.linalg.norm(positions(wav2pos, scenes) - expected, axis=1)
    assert np.median(distance) < 0.02
    assert distance.max() < 0.1


def test_estimates_move_with_the_origin(wav2pos, scenes):
    recording = scenes[0].recording
    moved = MicArray(recording.array.positions + np.array([20.0, -30.0, 0.0]))
    here = wav2pos.locate(recording).tracks.xyz[0, 0]
    there = sslbench.localize(
        recording.audio, moved, method=wav2pos, region=recording.region
    ).tracks.xyz[0, 0]
    np.testing.assert_allclose(there - here, [20, -30, 0], atol=1e-3)


def test_an_array_that_is_too_large_is_refused(wav2pos, scenes):
    recording = scenes[0].recording
    with pytest.raises(FormatError, match=r"was trained on arrays of up to 1\d\.\d m, this one"):
        sslbench.localize(
            recording.audio,
            recording.array.positions * 3,
            method=wav2pos,
            region=recording.region,
        )


@pytest.mark.parametrize("package", [sslbench_ngcc, sslbench_wav2pos])
def test_the_folder_says_what_it_was_trained_on(package):
    (stage,) = weights(package).glob("*/stage.json")
    about = json.loads(stage.read_text())
    assert "trained on rooms-sim (quick), seed 0" in about["cell"]
    assert about["curve"]
