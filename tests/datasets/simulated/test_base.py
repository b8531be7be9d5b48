import subprocess
import sys

import numpy as np
import pytest
import soundfile

from sslbench.datasets.catalogue import entry
from sslbench.datasets.simulated.feng2025_l1 import Feng2025L1
from sslbench.datasets.simulated.luvira_sim import LuviraSim
from sslbench.datasets.simulated.respeaker_sim import RespeakerSim
from sslbench.errors import MissingDataError, UnknownNameError

DATASETS = [Feng2025L1, LuviraSim, RespeakerSim]
SPLITS = ("train", "validation", "test")


def _positions(dataset, count=40):
    return np.array([dataset.truth(i)[1].tracks.xyz[0] for i in range(min(count, len(dataset)))])


@pytest.mark.parametrize("dataset_class", DATASETS)
def test_the_ground_truth_needs_no_audio(make, dataset_class, monkeypatch):
    monkeypatch.setattr(dataset_class, "render", None)
    dataset = make(dataset_class)
    ids = [dataset.truth(index)[0] for index in range(len(dataset))]
    assert len(set(ids)) == len(dataset)
    assert np.isfinite(_positions(dataset)).all()


@pytest.mark.parametrize("dataset_class", DATASETS)
def test_a_scene_has_the_ground_truth_of_its_index(make, dataset_class):
    dataset = make(dataset_class)
    scene = dataset.scene(3)
    name, truth = dataset.truth(3)
    assert scene.recording.id == name
    np.testing.assert_array_equal(scene.truth.tracks.xyz, truth.tracks.xyz)
    np.testing.assert_array_equal(scene.truth.tracks.times, scene.recording.times)
    assert scene.truth.tracks.kind == scene.recording.kind


@pytest.mark.parametrize("dataset_class", DATASETS)
def test_scenes_are_the_same_in_another_cache(make, dataset_class, tmp_path):
    first = make(dataset_class).scene(1)
    other = dataset_class(
        type(make(dataset_class).request)("test", "smoke", {}, None, tmp_path / "other")
    )
    np.testing.assert_array_equal(first.recording.audio, other.scene(1).recording.audio)
    assert first.recording.conditions == other.scene(1).recording.conditions


@pytest.mark.parametrize("dataset_class", DATASETS)
def test_no_channel_is_silent(make, dataset_class):
    dataset = make(dataset_class)
    for index in range(10):
        audio = dataset.scene(index).recording.audio
        assert np.isfinite(audio).all()
        assert (np.sqrt(np.mean(audio**2, axis=1)) > 1e-3).all()


@pytest.mark.parametrize("dataset_class", DATASETS)
def test_splits_share_no_position(make, dataset_class):
    positions = np.concatenate([_positions(make(dataset_class, split)) for split in SPLITS])
    assert len(np.unique(positions.round(9), axis=0)) == len(positions)


@pytest.mark.parametrize("dataset_class", DATASETS)
def test_a_smaller_scale_has_the_first_scenes_of_a_larger_one(make, dataset_class):
    small, large = (
        _positions(make(dataset_class, scale=scale), 20) for scale in ("smoke", "quick")
    )
    np.testing.assert_array_equal(small, large)


@pytest.mark.parametrize("dataset_class", DATASETS)
@pytest.mark.parametrize("scale", ["smoke", "quick", "paper"])
@pytest.mark.parametrize("split", SPLITS)
def test_a_data_set_has_the_documented_size(make, dataset_class, scale, split):
    assert len(make(dataset_class, split, scale)) == dataset_class.sizes[scale][split] > 0


def test_the_fingerprint_depends_on_everything_that_determines_the_scenes(make):
    datasets = [
        make(LuviraSim),
        make(LuviraSim, "train"),
        make(LuviraSim, scale="quick"),
        make(LuviraSim, t60="0.2"),
        make(LuviraSim, snr_db="10"),
        make(LuviraSim, genre="music"),
        make(Feng2025L1),
    ]
    prints = [dataset.fingerprint() for dataset in datasets]
    assert len(set(prints)) == len(prints)
    assert make(LuviraSim, t60="preset", preset="standard").fingerprint() == prints[0]
    assert len(prints[0]) == 64


def test_the_fingerprint_depends_on_the_version_in_the_catalogue(make, monkeypatch):
    before = make(LuviraSim).fingerprint()
    changed = entry("luvira-sim").model_copy(update={"version": "1000"})
    monkeypatch.setattr("sslbench.datasets.simulated.base.entry", lambda _: changed)
    assert make(LuviraSim).version == "1000"
    assert make(LuviraSim).fingerprint() != before


def test_the_fingerprint_is_the_same_in_another_process(make):
    code = (
        "from pathlib import Path; from sslbench.contracts import DatasetRequest as R;"
        "from sslbench.datasets.simulated.luvira_sim import LuviraSim as L;"
        "print(L(R('test', 'smoke', {}, None, Path('x'))).fingerprint())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == make(LuviraSim).fingerprint()


def _fill(folder, seed):
    folder.mkdir()
    for k in range(3):
        noise = np.random.default_rng(seed + k).standard_normal(8000) * 0.1
        soundfile.write(folder / f"{k}.wav", noise, 16000)
    return str(folder)


def test_the_fingerprint_depends_on_the_contents_of_a_source_folder_but_not_its_path(
    make, tmp_path
):
    folders = [_fill(tmp_path / name, seed) for name, seed in (("a", 0), ("b", 0), ("c", 9))]
    a, b, c = (make(Feng2025L1, sources=folder) for folder in folders)
    assert a.fingerprint() == b.fingerprint()
    assert len({a.fingerprint(), c.fingerprint(), make(Feng2025L1).fingerprint()}) == 3
    assert np.abs(a.scene(0).recording.audio - make(Feng2025L1).scene(0).recording.audio).max() > 0


def test_a_missing_source_folder_is_reported_with_its_path(make, tmp_path):
    with pytest.raises(MissingDataError, match="nowhere"):
        make(Feng2025L1, sources=str(tmp_path / "nowhere")).scene(0)


def test_the_error_for_an_unknown_split_lists_the_known_ones(make):
    with pytest.raises(UnknownNameError, match=r"no split 'dev'\n.*train, validation, test"):
        make(LuviraSim, "dev")


@pytest.mark.parametrize("index", [-1, 60])
def test_an_index_out_of_range_is_an_error(make, index):
    dataset = make(LuviraSim)
    for method in (dataset.scene, dataset.truth):
        with pytest.raises(IndexError, match=rf"scene {index} of 60"):
            method(index)


def test_listing_imports_nothing_heavy():
    code = (
        "import sys; import sslbench.datasets.simulated.luvira_sim,"
        "sslbench.datasets.simulated.feng2025_l1, sslbench.datasets.simulated.respeaker_sim;"
        "heavy = {'torch', 'pyroomacoustics', 'scipy', 'soxr', 'soundfile', 'filelock'};"
        "print(heavy & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
