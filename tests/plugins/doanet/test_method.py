"""doanet as a method: its size, training with every loss, estimates, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.toy_learner import context, selection
from sslbench.contracts import DatasetRequest, Incompatible
from sslbench.datasets.simulated.moving_doa import MovingDoa
from sslbench.errors import FormatError, ParameterError
from sslbench.scene import MicArray
from sslbench.training.normalization import Normalize
from sslbench_doanet import sslbench_methods
from sslbench_doanet.features import BANDS
from sslbench_doanet.hnet import Hnet, HnetNetwork
from sslbench_doanet.method import DoaNet
from sslbench_doanet.network import Crnn, Output

(SPEC,) = sslbench_methods()
LOSSES = next(each.choices for each in SPEC.parameters if each.name == "loss")
DEFAULTS = {each.name: each.default for each in SPEC.parameters}


class Brief(DoaNet):
    def settings(self, scale):
        return replace(super().settings(scale), epochs=1, batch=4)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("moving")


@pytest.fixture(scope="module")
def scenes(cache):
    """Return a function that opens a split at smoke scale."""

    def open_split(split, form="mic"):
        return MovingDoa(DatasetRequest(split, "smoke", {"format": form}, None, cache))

    return open_split


@pytest.fixture(scope="module")
def hnet():
    """Return a part with random weights: only that gradients pass through it matters here."""
    torch.manual_seed(0)
    part = Hnet(n_max=2)
    part._network = HnetNetwork(2)
    with torch.no_grad():
        part._network.output.bias.fill_(1.0)  # pairs are matched
    return part


@pytest.fixture(scope="module")
def fitted(scenes, hnet, tmp_path_factory):
    """Return a function that trains for one epoch."""

    def fit(form="mic", **params):
        method = Brief(**DEFAULTS | {"width": 4} | params)
        if SPEC.needed_parts(DEFAULTS | params):
            method.parts = {"hnet": hnet}
        chosen = selection(method.selection(), kind="direction")
        work = tmp_path_factory.mktemp("work")
        method.fit(
            scenes("train", form), scenes("validation", form), context(work, selection=chosen)
        )
        return method

    return fit


def recording_of(scenes, form="mic"):
    return scenes("test", form).scene(1).recording


def size(channels, *, activity):
    normalize = Normalize((np.zeros((channels, 1, BANDS)), np.ones((channels, 1, BANDS))))
    network = Crnn(normalize, channels, 128, 2, activity=activity)
    return sum(each.numel() for each in network.parameters())


class TestNetwork:
    @pytest.mark.parametrize(
        ("channels", "activity", "expected"),
        [
            (7, False, 1_520_646),
            (7, True, 1_553_928),
            (10, False, 1_524_102),
            (10, True, 1_557_384),
        ],
    )
    def test_it_has_the_published_number_of_parameters(self, channels, activity, expected):
        assert size(channels, activity=activity) == expected


class TestTraining:
    @pytest.mark.parametrize("loss", LOSSES)
    @pytest.mark.parametrize("form", ["mic", "foa"])
    def test_it_learns_with_every_loss_in_both_formats(self, fitted, scenes, loss, form):
        method = fitted(form, loss=loss)
        recording = recording_of(scenes, form)
        tracks = method.locate(recording).tracks
        assert tracks.xyz.shape == (len(recording.times), 2, 3)
        lengths = np.linalg.norm(tracks.xyz[tracks.active], axis=-1)
        np.testing.assert_allclose(lengths, 1)

    @pytest.mark.parametrize(
        "params",
        [
            {"loss": "dmotp+dmota+act", "variant": "code"},
            {"loss": "dmotp", "association": "exact"},
            {"loss": "dmotp+act", "association": "exact", "variant": "code"},
            {"loss": "pit", "distance": "squared"},
        ],
    )
    def test_it_learns_with_the_variants(self, fitted, params):
        assert np.isfinite(fitted(**params).history[0].loss)

    def test_the_first_loss_of_dmotp_is_proportional_to_its_weight(self, fitted):
        one, other = (
            fitted(loss="dmotp", association="exact", distance_weight=weight)
            for weight in (1.0, 2.0)
        )
        assert other.history[0].loss == pytest.approx(2 * one.history[0].loss, rel=0.05)

    def test_only_losses_with_an_association_need_hnet(self):
        for loss in LOSSES:
            needed = SPEC.needed_parts(DEFAULTS | {"loss": loss})
            assert bool(needed) == loss.startswith("dmot")
        assert not SPEC.needed_parts(DEFAULTS | {"association": "exact"})

    def test_hnet_does_not_learn_with_the_method(self, fitted, hnet):
        before = [each.clone() for each in hnet.network.parameters()]
        fitted(loss="dmotp+act")
        for old, new in zip(before, hnet.network.parameters(), strict=True):
            torch.testing.assert_close(old, new)

    def test_dmota_needs_a_gradient(self):
        with pytest.raises(ParameterError, match="no gradient"):
            DoaNet(**DEFAULTS | {"association": "exact"})

    def test_it_is_the_same_after_saving_and_loading(self, fitted, scenes, tmp_path):
        method = fitted(loss="pit")
        method.save(tmp_path)
        again = Brief(**DEFAULTS | {"width": 4, "loss": "pit"})
        again.load(tmp_path)
        recording = recording_of(scenes)
        one, other = (each.locate(recording).tracks.xyz for each in (method, again))
        np.testing.assert_array_equal(one, other)
        assert again.windowing == method.windowing
        assert again.windowing.rows == 40  # all of a scene at smoke scale


class TestEstimates:
    def prediction(self, vectors, activity=None, sources=2, **params):
        method = DoaNet(**DEFAULTS | params)
        vectors = torch.tensor(vectors, dtype=torch.float32)[None]
        logits = None if activity is None else torch.tensor(activity, dtype=torch.float32)[None]
        scene = self.scenes("test").scene(0).recording
        recording = replace(scene, times=scene.times[: vectors.shape[1]], max_sources=sources)
        return method.decode(Output(vectors, logits), [recording])[0].tracks

    @pytest.fixture(autouse=True)
    def _scenes(self, scenes):
        self.scenes = scenes

    def test_without_activity_all_outputs_are_sources(self):
        tracks = self.prediction([[[0.5, 0, 0], [0, 0.2, 0]]], loss="dmotp")
        assert tracks.active.all()
        np.testing.assert_allclose(tracks.xyz[0], [[1, 0, 0], [0, 1, 0]], atol=1e-6)
        assert tracks.confidence is None

    def test_outputs_below_the_threshold_are_no_sources(self):
        vectors = [[[1.0, 0, 0], [0, 1.0, 0]]]
        tracks = self.prediction(vectors, [[2.0, -1.0]])
        assert tracks.active.tolist() == [[True, False]]
        np.testing.assert_allclose(tracks.confidence, [[0.8808, 0.2689]], atol=1e-4)
        assert self.prediction(vectors, [[2.0, -1.0]], activity_threshold=0.2).active.all()

    def test_the_length_of_a_vector_is_its_activity(self):
        tracks = self.prediction([[[0.7, 0, 0], [0, 0.2, 0]]], loss="adpit")
        assert tracks.active.tolist() == [[True, False]]

    def test_outputs_that_learned_the_same_source_are_merged(self):
        near = np.radians(10)
        vectors = [[[1.0, 0, 0], [np.cos(near), np.sin(near), 0]]]
        tracks = self.prediction(vectors, loss="adpit")
        assert tracks.active.tolist() == [[True, False]]
        angle = np.degrees(np.arctan2(tracks.xyz[0, 0, 1], tracks.xyz[0, 0, 0]))
        assert angle == pytest.approx(5, abs=1e-3)

    def test_a_recording_of_one_source_gets_the_strongest(self):
        vectors = [[[1.0, 0, 0], [0, 1.0, 0]]]
        tracks = self.prediction(vectors, [[1.0, 2.0]], sources=1)
        assert tracks.active.tolist() == [[False, True]]


class TestRefusals:
    def test_more_sources_than_outputs(self, scenes, fitted):
        with pytest.raises(Incompatible, match=r"n_max=1, there can be 2 sources"):
            fitted(loss="mse", n_max=1)

    def test_another_format(self, scenes, fitted):
        method = fitted(loss="mse")
        with pytest.raises(FormatError, match="trained on the format mics, not foa"):
            method.locate(recording_of(scenes, "foa"))

    def test_other_microphones(self, scenes, fitted):
        method, recording = fitted(loss="mse"), recording_of(scenes)
        positions = recording.array.positions
        with pytest.raises(FormatError, match="other places"):
            method.locate(replace(recording, array=MicArray(2 * positions)))
        with pytest.raises(FormatError, match="4 microphones, not 3"):
            method.locate(
                replace(recording, audio=recording.audio[:3], array=MicArray(positions[:3]))
            )
        method.locate(replace(recording, array=MicArray(positions + 1.0)))  # moved as a whole

    def test_three_sources_at_a_time(self, scenes, fitted):
        method = fitted(loss="mse")
        with pytest.raises(FormatError, match=r"n_max=2, there can be 3 sources"):
            method.locate(replace(recording_of(scenes), max_sources=3))


def test_published_values_are_those_of_table_one():
    found = {
        (each.dataset_params["format"], each.params["loss"]): each.value
        for each in SPEC.published
        if each.metric == "localization-error" and not each.trained_on
    }
    assert found[("foa", "mse")] == 25.4
    assert found[("mic", "dmotp")] == 13.6
