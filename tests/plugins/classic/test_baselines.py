"""Trivial baselines that ignore the audio."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sslbench.contracts import Dataset, DatasetRequest, TrainingContext
from sslbench.errors import CellError, FormatError
from sslbench.geometry import Box
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench_classic.baselines import MeanPosition, RandomDirection, RandomPosition, RoomCentre

BOX = Box((0.0, 2.0, -1.0), (4.0, 3.0, 1.0))
MICS = MicArray(np.array([[0.0, 0, 0], [1, 0, 0]]))


def recording(name: str = "r", frames: int = 4, kind="position") -> Recording:
    audio, times = np.ones((2, 100), np.float32), np.arange(frames) / 10
    return Recording(name, audio, 16000, MICS, times, kind=kind, region=BOX)


class TwoScenes(Dataset):
    """Two scenes of two frames each; no source is active in the last frame."""

    positions = np.array([[[0.0, 0, 0], [2, 0, 0]], [[4, 3, 1], [np.nan] * 3]])

    def __len__(self) -> int:
        return len(self.positions)

    def scene(self, index: int) -> Scene:
        raise AssertionError("the audio must not be loaded")

    def fingerprint(self) -> str:
        return ""

    def truth(self, index: int) -> tuple[str, Prediction]:
        tracks = Tracks.of([0.0, 0.1], self.positions[index][:, None], "position")
        return str(index), Prediction(tracks)


class NoActiveSource(TwoScenes):
    positions = np.full((1, 2, 3), np.nan)


def trained(tmp_path: Path, scenes: type[TwoScenes] = TwoScenes) -> MeanPosition:
    data = scenes(DatasetRequest("train", "smoke", {}, None, tmp_path))
    method = MeanPosition()
    method.fit(data, data, TrainingContext(0, "smoke", tmp_path, lambda report: None))
    return method


def test_room_centre_is_the_centre_of_the_region_in_every_frame() -> None:
    assert RoomCentre().locate(recording()).tracks.xyz.tolist() == [[[2.0, 2.5, 0.0]]] * 4


def test_mean_position_averages_the_active_frames(tmp_path: Path) -> None:
    xyz = trained(tmp_path).locate(recording()).tracks.xyz
    np.testing.assert_allclose(xyz, np.broadcast_to([2, 1, 1 / 3], (4, 1, 3)))


def test_mean_position_puts_hidden_microphones_at_the_mean_of_the_others(tmp_path: Path) -> None:
    whole = recording()
    assert whole.array.positions is not None
    positions = np.array(whole.array.positions)
    positions[1] = np.nan
    found = trained(tmp_path).locate(replace(whole, array=MicArray(positions))).microphones
    assert found is not None
    np.testing.assert_allclose(found[1], np.delete(positions, 1, axis=0).mean(axis=0))
    assert np.isnan(np.delete(found, 1, axis=0)).all()
    assert trained(tmp_path).locate(whole).microphones is None


def test_mean_position_can_be_saved_and_loaded(tmp_path: Path) -> None:
    trained(tmp_path).save(tmp_path)
    loaded = MeanPosition()
    loaded.load(tmp_path)
    np.testing.assert_allclose(loaded.locate(recording()).tracks.xyz[0, 0], [2, 1, 1 / 3])


def test_locating_before_training_is_an_error() -> None:
    with pytest.raises(CellError, match="the method has not been trained"):
        MeanPosition().locate(recording())


def test_training_without_active_sources_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CellError, match="no source is active in the training scenes"):
        trained(tmp_path, NoActiveSource)


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"mean_m": [1, 2]}), '{"mean_m": "x"}'])
def test_a_damaged_file_is_reported_with_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / MeanPosition.FILE).write_text(text)
    with pytest.raises(FormatError, match=r"mean_position.json"):
        MeanPosition().load(tmp_path)


def test_a_missing_file_is_reported_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"mean_position.json: FileNotFoundError"):
        MeanPosition().load(tmp_path)


def test_random_positions_are_uniform_in_the_region() -> None:
    xyz = RandomPosition().locate(recording(frames=4000)).tracks.xyz[:, 0]
    assert BOX.contains(xyz).all()
    np.testing.assert_allclose(xyz.mean(axis=0), BOX.centre, atol=0.1)
    np.testing.assert_allclose(xyz.std(axis=0), BOX.size / np.sqrt(12), rtol=0.05)


def test_random_directions_are_uniform_on_the_sphere() -> None:
    xyz = RandomDirection().locate(recording(frames=4000, kind="direction")).tracks.xyz[:, 0]
    np.testing.assert_allclose(np.linalg.norm(xyz, axis=1), 1)
    np.testing.assert_allclose(xyz.T @ xyz / 4000, np.eye(3) / 3, atol=0.03)


def test_random_positions_depend_on_recording_and_seed_only() -> None:
    def positions(name: str, seed: int) -> np.ndarray:
        return RandomPosition(seed=seed).locate(recording(name)).tracks.xyz

    np.testing.assert_array_equal(positions("a", 0), positions("a", 0))
    assert not np.array_equal(positions("a", 0), positions("b", 0))
    assert not np.array_equal(positions("a", 0), positions("a", 1))


def test_random_positions_are_the_same_on_every_machine() -> None:
    xyz = RandomPosition().locate(recording("a")).tracks.xyz[0, 0]
    digest = bytes.fromhex("ca978112ca1bbdca")  # first eight bytes of the SHA-256 of "a"
    draws = np.random.default_rng([0, int.from_bytes(digest, "big")]).random(3)
    np.testing.assert_allclose(xyz, np.asarray(BOX.low) + draws * BOX.size)
