"""Learned methods, from training scenes to predictions, with the network of the documentation."""

from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from helpers import tiny_plugin
from helpers.tiny_data import CLIP, RATE, noise
from helpers.tiny_network import NoisyTinyNetwork, TinyNetwork
from helpers.toy_learner import context, selection
from sslbench.acoustics.resampling import resample
from sslbench.cell import Cell, Choice
from sslbench.contracts import Incompatible, Windowing
from sslbench.errors import BrokenPluginError, CellError, FormatError
from sslbench.running.inference import run_inference
from sslbench.scene import MicArray
from sslbench.training.feature_cache import CachedExamples
from sslbench.training.learned import AT_ONCE

F1 = "resolution-f1[within=10m]"


class Brief(TinyNetwork):
    """Trains for one epoch."""

    def settings(self, scale):
        return replace(super().settings(scale), epochs=1)


class BriefNoisy(NoisyTinyNetwork):
    """Trains for two epochs with noise."""

    def settings(self, scale):
        return replace(super().settings(scale), epochs=2)


def fitted(folder, method=None, rows=1, **changes):
    method = method or Brief(hidden=8)
    train, validation = (
        noise(split, folder / "cache", count=count, rows=rows)
        for split, count in (("train", 32), ("validation", 6))
    )
    method.fit(train, validation, context(folder / "work", **changes))
    return method


@pytest.fixture(scope="module")
def method(tmp_path_factory):
    return fitted(tmp_path_factory.mktemp("method"))


@pytest.fixture
def recordings(tmp_path):
    scenes = noise("test", tmp_path, count=6)
    return [scenes.scene(index).recording for index in range(6)]


def places(predictions):
    return np.concatenate([prediction.tracks.xyz[:, 0] for prediction in predictions])


def test_the_example_learns(tmp_path):
    method = TinyNetwork(hidden=64)
    train, validation = noise("train", tmp_path, count=128), noise("validation", tmp_path, count=16)
    method.fit(train, validation, context(tmp_path, seed=0))
    # The centre of a room of 1 m x 1 m has a mean error of 0.38 m.
    assert min(row.value for row in method.history) < 0.19


class TestSelection:
    def test_the_first_metric_of_the_spec_chooses_the_epoch(self, method):
        assert method.history[0].value > 0

    def test_a_method_may_choose_another_metric(self, tmp_path):
        class ByF1(Brief):
            def selection(self):
                return F1

        metrics = selection("position-error-mean", F1)
        method = fitted(tmp_path, ByF1(hidden=8), selection=metrics)
        assert method.higher_is_better
        assert method.history[0].value == 100

    def test_a_metric_that_the_spec_does_not_name_is_refused(self, tmp_path):
        class ByAnother(Brief):
            def selection(self):
                return "another"

        with pytest.raises(BrokenPluginError, match=r"by 'another'\n.*one of position-error-mean"):
            fitted(tmp_path, ByAnother(hidden=8))

    def test_a_spec_without_metrics_is_refused(self, tmp_path):
        with pytest.raises(BrokenPluginError, match="its spec's `selection`"):
            fitted(tmp_path, selection={})


class TestAugmentation:
    def inputs(self, folder, epochs=(1, 2), **changes):
        """Return the inputs of each epoch, by index."""
        method, seen = BriefNoisy(hidden=8), {}

        def loss(network, batch, step):
            for index, gcc in zip(batch["index"].tolist(), batch["gcc"], strict=True):
                seen[round(step.progress * 4) // 2, index] = gcc.numpy().tobytes()
            return NoisyTinyNetwork.loss(method, network, batch, step)

        method.loss = loss
        fitted(folder, method, **changes)
        return seen, method

    def test_it_is_different_in_every_epoch(self, tmp_path):
        seen, _ = self.inputs(tmp_path)
        assert all(seen[0, index] != seen[1, index] for index in range(32))

    def test_it_follows_from_the_seed(self, tmp_path):
        first, second = (self.inputs(tmp_path / name)[0] for name in "ab")
        other = self.inputs(tmp_path / "c", seed=2)[0]
        assert first == second
        assert not set(first.values()) & set(other.values())

    def test_a_resumed_training_has_the_same_changes(self, tmp_path):
        whole, method = self.inputs(tmp_path / "whole")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BriefNoisy, "validate", Mock(side_effect=[9.0, KeyboardInterrupt]))
            with pytest.raises(KeyboardInterrupt):
                self.inputs(tmp_path / "killed")
        resumed, again = self.inputs(tmp_path / "killed")
        assert resumed == {key: value for key, value in whole.items() if key[0] == 1}
        for first, second in zip(
            method.network.parameters(), again.network.parameters(), strict=True
        ):
            assert torch.equal(first, second)

    def test_it_turns_off_the_cache_of_training_inputs_only(self, tmp_path):
        method = fitted(tmp_path, BriefNoisy(hidden=8))
        about = list((tmp_path / "cache" / "features").glob("*/about.json"))
        assert [path.read_text() for path in about] == ['{"arrays": ["gcc"]}']
        assert method.augments
        assert not Brief(hidden=8).augments


class TestFeatureCache:
    def test_training_and_validation_inputs_are_cached(self, tmp_path):
        fitted(tmp_path)
        about = (tmp_path / "cache" / "features").glob("*/about.json")
        found = sorted(path.read_text() for path in about)
        assert found == ['{"arrays": ["gcc", "position"]}', '{"arrays": ["gcc"]}']

    def test_a_second_training_makes_no_inputs(self, tmp_path):
        fitted(tmp_path, seed=1)

        class Idle(Brief):
            def inputs(self, recording):
                raise AssertionError("made again")

        Idle.__module__, Idle.__qualname__ = Brief.__module__, Brief.__qualname__
        again = fitted(tmp_path, Idle(hidden=8), seed=1)
        assert len(again.history) == 1

    def test_without_it_inputs_are_made_when_they_are_needed(self, tmp_path):
        class Uncached(Brief):
            cache_inputs = False

        cached, uncached = fitted(tmp_path / "a"), fitted(tmp_path / "b", Uncached(hidden=8))
        assert not (tmp_path / "b" / "cache").exists()
        assert cached.history[0].value == uncached.history[0].value

    def test_examples_come_from_the_cache(self, tmp_path):
        method, train = Brief(hidden=8), noise("train", tmp_path, count=4)
        method.config = method.configure(train, "smoke")
        examples = method.training_examples(train, context(tmp_path))
        assert isinstance(examples, CachedExamples)
        expected = method.inputs(train.scene(2).recording)["gcc"]
        assert np.array_equal(examples.arrays(2)["gcc"], expected)


class Windowed(Brief):
    """Learns from windows of one time."""

    training_windows = Windowing(rows=1)

    def configure(self, train, scale):
        return super().configure(train, scale) | {"samples": CLIP}


class TestTrainingWindows:
    def test_each_window_of_a_long_recording_is_an_example(self, tmp_path):
        method, train = Windowed(hidden=8), noise("train", tmp_path, count=3, rows=5)
        method.config = method.configure(train, "smoke")
        examples = method.training_examples(train, context(tmp_path))
        assert len(examples) == 15
        scene = train.scene(1)
        part = replace(scene.recording, audio=scene.recording.audio[:, 2 * CLIP : 3 * CLIP])
        arrays = examples.arrays(7)
        assert np.array_equal(arrays["gcc"], method.inputs(part)["gcc"])
        np.testing.assert_allclose(arrays["position"], scene.truth.tracks.xyz[2, 0], rtol=1e-6)

    def test_windows_may_overlap(self, tmp_path):
        class Overlapping(Brief):
            training_windows = Windowing(rows=3, hop=1)

            def configure(self, train, scale):
                return super().configure(train, scale) | {"samples": None}

        method, train = Overlapping(hidden=8), noise("train", tmp_path, count=2, rows=5)
        method.config = method.configure(train, "smoke")
        assert len(method.training_examples(train, context(tmp_path))) == 2 * 3

    def test_a_training_on_windows_validates_on_windows(self, tmp_path):
        method = fitted(tmp_path, Windowed(hidden=8), rows=4)
        assert np.isfinite(method.history[0].value)

    def test_recordings_shorter_than_a_window_are_incompatible(self, tmp_path):
        class Long(Brief):
            training_windows = Windowing(rows=9)

        with pytest.raises(Incompatible, match=r"windows of 9 times; no recording of the split"):
            fitted(tmp_path, Long(hidden=8))

    def test_clips_of_recordings_with_several_times_need_windows(self, tmp_path):
        with pytest.raises(FormatError, match=r"training recording with 4 times(.|\n)*of one row"):
            fitted(tmp_path, rows=4)


class TestTrainingOnOtherRatesAndLengths:
    def test_training_recordings_are_brought_to_rate_and_length_of_the_clips(self, tmp_path):
        class At8kHz(Brief):
            def configure(self, train, scale):
                return super().configure(train, scale) | {"sample_rate": 8000, "samples": 200}

        method, train = At8kHz(hidden=8), noise("train", tmp_path, count=2)
        method.config = method.configure(train, "smoke")
        arrays = method.training_examples(train, context(tmp_path)).arrays(0)
        recording = train.scene(0).recording
        middle = resample(recording.audio, RATE, 8000)[:, 100:300]
        assert np.array_equal(
            arrays["gcc"], method.inputs(replace(recording, audio=middle, sample_rate=8000))["gcc"]
        )


class TestPrediction:
    def test_an_untrained_method_is_refused(self, recordings):
        with pytest.raises(CellError, match="used before it was trained"):
            Brief(hidden=8).locate_many(recordings)

    def test_a_batch_gives_the_same_as_single_recordings(self, method, recordings):
        alone = [method.locate(recording) for recording in recordings]
        np.testing.assert_allclose(places(method.locate_many(recordings)), places(alone), atol=1e-5)

    def test_more_recordings_than_a_batch_stay_in_order(self, method, recordings):
        count = AT_ONCE + 7
        many = [recordings[index % 6] for index in range(count)]
        expected = places(method.locate_many(recordings))[np.arange(count) % 6]
        np.testing.assert_allclose(places(method.locate_many(many)), expected, atol=1e-5)

    def test_no_recordings_give_no_predictions(self, method):
        assert method.locate_many([]) == []

    def test_another_array_is_refused(self, method, recordings):
        moved = MicArray(recordings[0].array.positions + 0.1)
        with pytest.raises(FormatError, match="another array than in training"):
            method.locate(replace(recordings[0], array=moved))

    def test_a_recording_of_the_training_length_is_used_as_it_is(self, method, recordings):
        (recording, *_) = recordings
        network, arrays = method.network, method.inputs(recording)
        with torch.no_grad():
            output = network(torch.from_numpy(arrays["gcc"])[None])
        assert np.array_equal(places([method.locate(recording)]), output.double().numpy())

    def test_each_time_of_a_long_recording_has_the_estimate_of_its_clip(self, method, tmp_path):
        scenes = noise("test", tmp_path, count=1, rows=5)
        recording = scenes.scene(0).recording
        clips = [scenes.window(0, slice(row, row + 1)).recording for row in range(5)]
        prediction = method.locate(recording)
        assert np.array_equal(prediction.tracks.times, recording.times)
        np.testing.assert_allclose(
            places([prediction]), places(method.locate_many(clips)), atol=1e-5
        )

    def test_a_long_recording_may_be_cut_into_windows(self, method, tmp_path):
        again = Brief(hidden=8)
        method.save(_made(tmp_path / "saved"))
        again.load(tmp_path / "saved")
        again.windowing = replace(again.windowing, seconds=0.2)
        scenes = noise("test", tmp_path, count=1, rows=23)
        (spec,) = tiny_plugin.sslbench_methods()
        cell = Cell(Choice("tiny-network"), Choice("noise"), "test", "smoke")
        found = run_inference(cell, spec, again, scenes).predictions["test-0"]
        expected = method.locate(scenes.scene(0).recording)
        assert np.array_equal(found.tracks.times, expected.tracks.times)
        np.testing.assert_allclose(places([found]), places([expected]), atol=1e-5)

    def test_recordings_of_different_lengths_are_predicted_together(self, method, tmp_path):
        mixed = [noise("test", tmp_path, rows=rows).scene(rows).recording for rows in (3, 1, 2)]
        found = method.locate_many(mixed)
        assert [len(prediction.tracks.times) for prediction in found] == [3, 1, 2]
        np.testing.assert_allclose(
            places(found), places([method.locate(each) for each in mixed]), atol=1e-5
        )

    def test_a_recording_shorter_than_a_clip_is_padded(self, method, recordings):
        (recording, *_) = recordings
        short = replace(recording, audio=recording.audio[:, :500], times=np.array([0.015]))
        padded = np.pad(short.audio, ((0, 0), (0, CLIP - 500)))
        expected = method.locate(replace(short, audio=padded))
        assert np.array_equal(places([method.locate(short)]), places([expected]))

    @pytest.mark.parametrize("rate", [44100, 48000, 8000])
    def test_another_sample_rate_is_resampled(self, method, recordings, rate):
        others = [
            replace(each, audio=resample(each.audio, RATE, rate), sample_rate=rate)
            for each in recordings
        ]
        back = [
            replace(each, audio=resample(other.audio, rate, RATE))
            for each, other in zip(recordings, others, strict=True)
        ]
        assert all(each.audio.shape == (4, CLIP) for each in back)
        assert np.array_equal(places(method.locate_many(others)), places(method.locate_many(back)))


class TestParts:
    """A method is given its trained parts before it learns and before it localizes."""

    class Amplified(Brief):
        """Its inputs depend on a part, which here is a number."""

        def inputs(self, recording):
            return {"gcc": super().inputs(recording)["gcc"] * self.parts["gain"]}

    def test_inputs_and_network_may_use_them(self, tmp_path):
        seen = []

        class Watching(self.Amplified):
            def build(self, config, statistics):
                seen.append(self.parts["gain"])
                return super().build(config, statistics)

        method = Watching(hidden=8)
        method.parts = {"gain": 10.0}
        fitted(tmp_path / "a", method, parts_key="10")
        method.save(_made(tmp_path / "saved"))
        again = Watching(hidden=8)
        again.parts = method.parts
        again.load(tmp_path / "saved")
        assert seen == [10.0, 10.0]
        plain = fitted(tmp_path / "b")
        assert float(method.network[0].mean[0, 0] / plain.network[0].mean[0, 0]) == pytest.approx(
            10, rel=1e-3
        )

    def test_features_of_other_parts_are_not_used(self, tmp_path):
        means = []
        for gain in (1.0, 10.0):
            method = self.Amplified(hidden=8)
            method.parts = {"gain": gain}
            folder = _made(tmp_path / str(gain))
            train, validation = (
                noise(split, tmp_path / "cache", count=32) for split in ("train", "validation")
            )
            method.fit(train, validation, context(folder, parts_key=str(gain)))
            means.append(float(method.network[0].mean[0, 0]))
        assert means[1] == pytest.approx(10 * means[0], rel=1e-3)


def _made(folder):
    folder.mkdir()
    return folder


def test_a_nan_loss_names_step_and_scenes(tmp_path):
    class Diverging(Brief):
        def loss(self, network, batch, step):
            return super().loss(network, batch, step) * float("nan")

    with pytest.raises(CellError, match=r"epoch 1, step 1, scenes \d+, .*NaN or infinite"):
        fitted(tmp_path, Diverging(hidden=8))


def test_values_of_the_curve_may_come_from_validation_inputs(tmp_path):
    class Counting(Brief):
        def curve_values(self, network, device):
            return {"validated": float(len(self.validation_inputs))}

    method = fitted(tmp_path, Counting(hidden=8))
    assert method.history[-1].extra == {"validated": 6.0}
