"""wav2pos learns, predicts, and is saved and loaded."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.seven_microphones import frames, hidden, permuted
from helpers.wav2pos_cases import Brief, FakeNgcc, fitted, make
from sslbench.scene import MicArray
from sslbench.training.loop import Step
from sslbench_wav2pos.method import Wav2pos


def shown(recording):
    """Return a recording without the microphone at the source."""
    return replace(recording, reference=None)


def places(predictions):
    return np.array([prediction.tracks.xyz[0, 0] for prediction in predictions])


def batch_of(method, scenes):
    arrays = [{**method.inputs(s.recording), **method.targets(s)} for s in scenes]
    return {name: torch.tensor(np.stack([each[name] for each in arrays])) for name in arrays[0]}


def masks(method, batch, seed=0):
    found = []
    network = method.network.train()

    def noted(given):
        found.append(given)
        return network(given)

    method.loss(noted, batch, Step(0.0, torch.Generator().manual_seed(seed)))
    network.eval()
    return found[0]


class TestTraining:
    def test_it_trains_and_its_curve_has_the_gain_of_the_audio(self, method):
        assert len(method.history) == 2
        assert all(np.isfinite(row.extra["audio_snr_gain_db"]) for row in method.history)

    def test_a_resumed_training_ends_with_the_same_weights(self, method, tmp_path):
        class Killed(Brief):
            def curve_values(self, network, device):
                if (self.config["examples"], len(self.seen)) == (18, 1):
                    raise KeyboardInterrupt
                self.seen.append(0)
                return super().curve_values(network, device)

        killed = make(Killed)
        killed.seen = []
        with pytest.raises(KeyboardInterrupt):
            fitted(tmp_path, killed)
        resumed = fitted(tmp_path).network.state_dict()
        for name, value in method.network.state_dict().items():
            assert torch.equal(value, resumed[name])

    def test_coordinates_are_scaled_by_the_sources_of_the_training_only(self, method, tmp_path):
        train = frames("train", tmp_path)
        sources = [train.truth(index)[1].tracks.xyz[0, 0] for index in range(18)]
        assert method.config["mean"] == pytest.approx(np.mean(sources, axis=0))
        assert method.config["deviation"] == pytest.approx(np.std(sources, axis=0))

    def test_lags_are_those_that_the_array_allows(self, method, with_source):
        largest = 3.0 / 343 * 16000  # the diagonal of the array is a little shorter
        assert 0.8 * largest < method.config["max_lag"] < 1.1 * largest
        # A source in a corner of the region is not farther from a microphone in this room.
        assert method.config["max_lag"] <= with_source.config["max_lag"]

    def test_every_frame_of_a_recording_is_an_example(self, tmp_path):
        found = fitted(tmp_path, train=frames("train", tmp_path, count=6, rows=3))
        assert found.config["examples"] == 18

    def test_methods_of_other_sizes_share_cached_features(self, tmp_path):
        class Idle(Brief):
            def inputs(self, recording):
                raise AssertionError

        fitted(tmp_path)
        # The cache names the class, whose subclasses may have other inputs.
        Idle.__module__, Idle.__qualname__ = Brief.__module__, Brief.__qualname__
        fitted(tmp_path, make(Idle, width=12, masking=False), work="again")

    @pytest.mark.parametrize(("scale", "parameters"), [("smoke", 2e5), ("quick", 6e5)])
    def test_the_size_follows_from_the_scale(self, scale, parameters, tmp_path):
        method = make(Wav2pos, width=0)
        method.config = {**make_config(tmp_path), "scale": scale}
        count = sum(p.numel() for p in method.build(method.config, {}).parameters())
        assert count == pytest.approx(parameters, rel=0.2)

    def test_paper_scale_has_the_settings_of_the_paper(self, tmp_path):
        method = make(Wav2pos, width=0)
        method.config = make_config(tmp_path)
        found = method.settings("paper")
        assert (found.epochs, found.batch, found.learning_rate) == (500, 256, 5e-4)
        assert (found.weight_decay, found.decay_vectors) == (0.1, False)


def make_config(folder):
    return make(Wav2pos).configure(frames("train", folder), "smoke")


@pytest.fixture(scope="module")
def centred(tmp_path_factory):
    return fitted(tmp_path_factory.mktemp("centred"), make(centred=True))


class TestCentred:
    @staticmethod
    def moved_estimate(method, folder, metres):
        train = frames("train", folder, moved=metres)
        return places([method.locate(train.scene(0).recording)])[0]

    def test_the_estimate_moves_with_the_array(self, centred, tmp_path):
        there = self.moved_estimate(centred, tmp_path, 100.0)
        here = self.moved_estimate(centred, tmp_path, 0.0)
        np.testing.assert_allclose(there - here, [100, 0, 0], atol=1e-4)

    def test_otherwise_it_does_not(self, method, tmp_path):
        there = self.moved_estimate(method, tmp_path, 100.0)
        here = self.moved_estimate(method, tmp_path, 0.0)
        assert abs(there[0] - here[0] - 100) > 10

    def test_coordinates_and_targets_are_relative_to_the_known_microphones(self, centred, tmp_path):
        scene = frames("train", tmp_path).scene(0)
        scene = replace(scene, recording=hidden(scene.recording, 2))
        known = scene.recording.array.known
        source = centred.targets(scene)["source"] * centred.config["deviation"]
        xyz = scene.truth.tracks.xyz[0, 0]
        np.testing.assert_allclose(source + known.mean(axis=0), xyz, atol=1e-5)
        given = centred.inputs(scene.recording)
        shown = given["coordinates"][given["coordinates_kept"]] * centred.config["deviation"]
        np.testing.assert_allclose(shown + known.mean(axis=0), known, atol=1e-5)

    def test_a_hidden_microphone_is_located_in_the_coordinates_of_the_recording(
        self, centred, tmp_path
    ):
        def estimate(metres):
            recording = frames("train", tmp_path, moved=metres).scene(0).recording
            return centred.locate(hidden(recording, 2)).microphones[2]

        np.testing.assert_allclose(estimate(50.0) - estimate(0.0), [50, 0, 0], atol=1e-4)


class TestMasking:
    def test_microphones_and_coordinates_are_masked(self, method, tmp_path):
        batch = batch_of(method, [frames("train", tmp_path).scene(i) for i in range(18)])
        given = masks(method, batch)
        kept, known = given["audio_kept"][:, 1:], given["coordinates_kept"]
        assert (kept | known).all()
        assert not kept.all()
        assert not known.all()
        assert not given["audio_kept"][:, 0].any()

    def test_the_source_audio_is_kept_half_of_the_time(self, with_source, tmp_path):
        train = frames("train", tmp_path, reference=True)
        batch = batch_of(with_source, [train.scene(index % 18) for index in range(200)])
        assert float(masks(with_source, batch)["audio_kept"][:, 0].float().mean()) == pytest.approx(
            0.5, abs=0.1
        )

    def test_without_masking_only_the_source_is_masked(self, with_source, tmp_path):
        method = make(masking=False)
        method.config, method._network = with_source.config, with_source.network
        train = frames("train", tmp_path, reference=True)
        given = masks(method, batch_of(method, [train.scene(index) for index in range(9)]))
        assert given["coordinates_kept"].all()
        assert given["audio_kept"][:, 1:].all()
        assert not given["audio_kept"][:, 0].any()

    def test_the_network_is_shown_noisy_audio(self, method, tmp_path):
        batch = batch_of(method, [frames("train", tmp_path).scene(i) for i in range(9)])
        noise = masks(method, batch)["audio"] - batch["audio"].float()
        assert 0.02 < float(noise[:, 1:].std()) < 1

    def test_positions_that_are_unknown_in_training_are_never_shown(self, method, tmp_path):
        scene = frames("train", tmp_path).scene(0)
        sought = np.full((7, 3), np.nan)
        sought[2] = scene.recording.array.positions[2]
        altered = replace(
            scene,
            recording=hidden(scene.recording, 2),
            truth=replace(scene.truth, microphones=sought),
        )
        batch = batch_of(method, [altered] * 9)
        assert not masks(method, batch)["coordinates_kept"][:, 2].any()
        assert torch.isfinite(batch["microphones"]).all()


class TestPrediction:
    def test_a_loaded_method_predicts_the_same(self, method, recordings, tmp_path):
        method.save(tmp_path)
        again = make(refine="none")
        again.load(tmp_path)
        some = [shown(recording) for recording in recordings]
        assert np.array_equal(places(method.locate_many(some)), places(again.locate_many(some)))

    def test_moving_everything_moves_the_estimates(self, method, recordings, tmp_path):
        there = fitted(tmp_path, train=frames("train", tmp_path / "cache", moved=5.0))
        moved = frames("test", tmp_path, moved=5.0)
        found = [
            places([one.locate(recording) for recording in some])
            for one, some in (
                (method, [shown(recordings[i]) for i in range(3)]),
                (there, [moved.scene(i).recording for i in range(3)]),
            )
        ]
        assert found[1] - found[0] == pytest.approx(np.tile([5.0, 0, 0], (3, 1)), abs=0.05)

    @pytest.mark.parametrize("name", ["method", "with_ngcc"])
    def test_the_order_of_the_microphones_does_not_matter(self, name, recordings, request):
        method, order = request.getfixturevalue(name), np.array([3, 0, 6, 1, 5, 2, 4])
        some = [shown(recording) for recording in recordings]
        found = [
            places(method.locate_many(each)) for each in (some, [permuted(r, order) for r in some])
        ]
        assert np.abs(found[0] - found[1]).max() <= 1e-5

    def test_fewer_microphones_than_in_training_are_enough(self, method, recordings):
        recording = shown(recordings[0])
        few = replace(
            recording, audio=recording.audio[:4], array=MicArray(recording.array.positions[:4])
        )
        assert np.isfinite(places([method.locate(few)])).all()

    def test_unknown_microphones_are_located_and_known_ones_are_not(self, method, recordings):
        prediction = method.locate(hidden(shown(recordings[0]), 1, 5))
        located = np.isfinite(prediction.microphones).all(axis=1)
        assert np.flatnonzero(located).tolist() == [1, 5]
        assert method.locate(shown(recordings[0])).microphones is None

    def test_recordings_with_other_unknown_microphones_are_predicted_together(
        self, method, recordings
    ):
        some = [hidden(shown(recordings[0]), 1), hidden(shown(recordings[1]), 2, 3)]
        together, alone = method.locate_many(some), [method.locate(each) for each in some]
        assert places(together) == pytest.approx(places(alone), abs=1e-5)

    def test_the_position_of_an_unknown_microphone_has_no_influence(self, method, recordings):
        near = shown(recordings[0])
        positions = np.array(near.array.positions)
        positions[1] += 0.5
        far = replace(near, array=MicArray(positions))
        found = [places([method.locate(hidden(each, 1))]) for each in (near, far)]
        assert np.array_equal(*found)

    def test_the_signal_at_the_source_is_used(self, with_source, recordings):
        known, unknown = with_source.locate(recordings[0]), with_source.locate(shown(recordings[0]))
        assert not np.array_equal(places([known]), places([unknown]))

    def test_recordings_with_and_without_it_are_predicted_together(self, with_source, recordings):
        some = [recordings[0], shown(recordings[0])]
        together, alone = with_source.locate_many(some), [with_source.locate(each) for each in some]
        assert places(together) == pytest.approx(places(alone), abs=1e-5)

    def test_each_frame_of_a_long_recording_has_its_estimate(self, method, tmp_path):
        long = frames("test", tmp_path, rows=3).scene(0).recording
        alone = [method.locate(long.window(slice(row, row + 1))) for row in range(3)]
        assert method.locate(long).tracks.xyz[:, 0] == pytest.approx(places(alone), abs=1e-5)

    def test_searching_changes_the_estimate_by_at_most_its_radius(self, method, recordings):
        refined = make(refine="srp")
        refined.config, refined._network = method.config, method.network
        some = [shown(recording) for recording in recordings]
        apart = places(refined.locate_many(some)) - places(method.locate_many(some))
        distance = np.linalg.norm(apart, axis=1)
        assert distance.max() <= 0.6 + 1e-6
        assert distance.min() > 0


def test_ngcc_features_of_both_orders_train(tmp_path):
    method = make(features="ngcc", symmetrize=False)
    method.parts = {"ngcc": FakeNgcc()}
    assert len(fitted(tmp_path, method).history) == 2


def test_a_method_without_delays_trains(tmp_path):
    method = fitted(tmp_path, make(features="none", max_pool=False, pairwise=False))
    assert "pairs" not in method.inputs(frames("test", tmp_path).scene(0).recording)
