"""The grid method for microphones anywhere, in rooms of any size."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.grid_cases import (
    configured,
    first_nodes,
    grid_context,
    make_adhoc,
    moved,
    places,
)
from sslbench.errors import FormatError
from sslbench.geometry import Box
from sslbench.scene import MicArray, Prediction, Scene, Tracks
from sslbench.training.examples import SceneExamples
from sslbench.training.feature_cache import CachedExamples
from sslbench_grid2d.adhoc import steered_planes


class TestPrediction:
    def test_a_loaded_method_predicts_the_same(self, trained_adhoc, room_recordings, tmp_path):
        trained_adhoc.save(tmp_path)
        again = make_adhoc()
        again.load(tmp_path)
        found = places(trained_adhoc.locate_many(room_recordings))
        assert found.shape == (6, 1, 1, 3)
        assert np.array_equal(found, places(again.locate_many(room_recordings)))
        assert again.parameter_count == trained_adhoc.parameter_count > 0

    def test_a_batch_gives_the_same_as_single_rooms(self, trained_adhoc, room_recordings):
        alone = [trained_adhoc.locate(recording) for recording in room_recordings]
        assert places(trained_adhoc.locate_many(room_recordings)) == pytest.approx(
            places(alone), abs=1e-4
        )

    def test_every_estimate_lies_in_its_own_room(self, trained_adhoc, room_recordings):
        assert len({recording.region.high for recording in room_recordings}) == 6
        found = trained_adhoc.locate_many(room_recordings)
        for recording, prediction in zip(room_recordings, found, strict=True):
            assert recording.region.contains(prediction.tracks.xyz).all()

    def test_moving_the_origin_moves_the_estimates(self, trained_adhoc, room_recordings):
        by = np.array([-3.5, 12.0, 0.75])
        elsewhere = trained_adhoc.locate_many(
            [moved(recording, by) for recording in room_recordings]
        )
        found = trained_adhoc.locate_many(room_recordings)
        assert places(elsewhere) == pytest.approx(places(found) + by, abs=2e-3)

    def test_rooms_with_different_numbers_of_nodes_are_predicted_together(
        self, trained_adhoc, room_recordings
    ):
        mixed = [
            first_nodes(room_recordings[index], count) for index, count in enumerate((4, 8, 4, 6))
        ]
        alone = [trained_adhoc.locate(recording) for recording in mixed]
        np.testing.assert_allclose(
            places(trained_adhoc.locate_many(mixed)), places(alone), atol=1e-4
        )

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"max_sources": 2}, "2 sources are requested"),
            ({"region": Box((0, 0, 0), (5, 5, 2))}, "a search region that is not flat"),
            ({"region": None, "kind": "direction"}, "no search region"),
        ],
    )
    def test_a_recording_without_a_plane_or_with_too_many_sources_is_refused(
        self, trained_adhoc, room_recordings, change, message
    ):
        with pytest.raises(FormatError, match=message) as refused:
            trained_adhoc.locate(replace(room_recordings[0], **change))
        assert refused.value.where == room_recordings[0].id
        assert refused.value.expected

    def test_unknown_microphone_positions_are_refused(self, trained_adhoc, room_recordings):
        positions = room_recordings[0].array.positions.copy()
        positions[1] = np.nan
        with pytest.raises(FormatError, match="unknown microphone positions"):
            trained_adhoc.locate(replace(room_recordings[0], array=MicArray(positions)))


class TestInputs:
    def test_training_and_prediction_have_the_same_inputs(self, fitted_adhoc, rooms):
        method, batches = fitted_adhoc
        train, seen = rooms("train"), set()
        for batch in batches:
            assert batch["planes"].dtype == torch.float16
            for planes, index in zip(batch["planes"], batch["index"].tolist(), strict=True):
                expected = method.inputs(train.scene(index).recording)["planes"]
                assert np.array_equal(planes.numpy(), expected)
                seen.add(index)
        assert seen == set(range(16))

    def test_they_are_the_steered_planes_of_audio_nodes_and_room(
        self, trained_adhoc, room_recordings
    ):
        (recording, *_) = room_recordings
        arrays = recording.audio, recording.array.positions, recording.region.high[:2]
        tensors = (torch.tensor(np.asarray(value, np.float32)) for value in arrays)
        expected = steered_planes(*tensors).numpy().astype(np.float16)
        assert np.array_equal(trained_adhoc.inputs(recording)["planes"], expected)

    def test_they_use_the_speed_of_sound_of_the_recording(self, trained_adhoc, room_recordings):
        warm = replace(room_recordings[0], speed_of_sound=355.0)
        planes = (trained_adhoc.inputs(each)["planes"] for each in (warm, room_recordings[0]))
        assert not np.array_equal(*planes)

    def test_they_are_cached_for_all_representations_together(self, rooms, tmp_path):
        train, folders = rooms("train"), set()
        for name in ("uld", "rg"):
            method = configured(make_adhoc(representation=name), train)
            examples = method.training_examples(train, grid_context(tmp_path))
            folders.add(examples.folder)
        assert len(folders) == 1


class TestDrawnNodes:
    """At paper scale 15 nodes are drawn for each clip and epoch."""

    @pytest.fixture
    def method(self, rooms):
        return configured(make_adhoc(), rooms("train"), "paper")

    def drawn(self, method, recording, seed):
        truth = Prediction(Tracks.still(recording, [1.0, 1.0, 0.95]))
        rng = np.random.default_rng(seed)
        return method.augment(Scene(recording, truth), rng).recording

    @pytest.fixture
    def recording(self, room_recordings):
        """A recording of 30 nodes whose samples and positions are their numbers."""
        numbers = np.arange(30.0)[:, None]
        audio = np.tile(numbers, (1, 50)).astype(np.float32)
        return replace(room_recordings[0], audio=audio, array=MicArray(np.tile(numbers, (1, 3))))

    def test_fifteen_different_nodes_are_kept_with_their_audio(self, method, recording):
        found = self.drawn(method, recording, 0)
        assert found.audio.shape == (15, 50)
        assert np.array_equal(found.audio[:, 0], found.array.positions[:, 0])
        assert len(set(found.audio[:, 0])) == 15

    def test_they_follow_from_the_random_generator(self, method, recording):
        first, again, other = (self.drawn(method, recording, seed) for seed in (0, 0, 1))
        assert np.array_equal(first.audio, again.audio)
        assert not np.array_equal(first.audio, other.audio)

    @pytest.mark.parametrize("count", [8, 15])
    def test_fifteen_nodes_or_fewer_are_all_kept(self, method, recording, count):
        few = first_nodes(recording, count)
        assert self.drawn(method, few, 0) is few

    def test_only_below_paper_scale_training_inputs_are_cached(self, rooms, tmp_path):
        train = rooms("train")
        kinds = []
        for scale in ("paper", "smoke"):
            method = configured(make_adhoc(), train, scale)
            kinds.append(type(method.training_examples(train, grid_context(tmp_path))))
        assert kinds == [SceneExamples, CachedExamples]


def test_the_published_settings_are_those_of_the_paper():
    settings = make_adhoc().settings("paper")
    assert (settings.epochs, settings.batch, settings.learning_rate) == (50, 32, 1e-3)
    assert (settings.patience, settings.weight_decay, settings.clip) == (10, 0.01, None)
