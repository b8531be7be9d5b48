"""What all trained networks share: configuration, statistics, cache keys, files, fine-tuning."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.tiny_data import noise
from helpers.tiny_network import TinyNetwork
from helpers.toy_learner import context
from sslbench.errors import BrokenPluginError, CellError, FormatError
from sslbench.training import trained_network
from sslbench.training.feature_cache import CachedExamples


class Brief(TinyNetwork):
    """Trains for one epoch."""

    def settings(self, scale):
        return replace(super().settings(scale), epochs=1)


def fitted(folder, method=None, count=32, **changes):
    method = method or Brief(hidden=8)
    cache = folder / "cache"
    train = noise("train", cache, count=count)
    method.fit(train, noise("validation", cache, count=8), context(folder / "work", **changes))
    return method


def saved(method, folder):
    folder.mkdir()
    method.save(folder)
    return folder


def weights(method):
    return torch.cat([each.flatten() for each in method.network.parameters()])


class TestConfiguration:
    def test_it_is_unknown_before_training(self):
        with pytest.raises(CellError, match=r"tiny-network: used before it was trained\n.*`fit`"):
            Brief(hidden=8).config  # noqa: B018

    def test_it_comes_from_training_scenes_only(self, tmp_path):
        seen = []

        class Watching(Brief):
            def configure(self, train, scale):
                seen.append((train.request.split, scale))
                return super().configure(train, scale)

        fitted(tmp_path, Watching(hidden=8))
        assert seen == [("train", "smoke")]

    def test_it_is_the_same_after_loading(self, tmp_path):
        class WithTuple(Brief):
            def configure(self, train, scale):
                return super().configure(train, scale) | {"shape": (1, 2)}

        method = fitted(tmp_path, WithTuple(hidden=8))
        again = WithTuple(hidden=8)
        again.load(saved(method, tmp_path / "saved"))
        assert again.config == method.config

    def test_what_cannot_be_written_as_json_is_refused_before_training(self, tmp_path):
        class WithArray(Brief):
            def configure(self, train, scale):
                return {"microphones": np.zeros(3)}

        with pytest.raises(BrokenPluginError, match="configuration cannot be written as JSON"):
            fitted(tmp_path, WithArray(hidden=8))


class TestFiles:
    def test_a_saved_network_is_read_back(self, tmp_path):
        method, again = fitted(tmp_path), Brief(hidden=8)
        again.load(saved(method, tmp_path / "saved"))
        assert torch.equal(weights(again), weights(method))
        assert again.parameter_count == method.parameter_count > 0

    def test_a_report_is_read_back(self, tmp_path):
        class Reporting(Brief):
            def final_report(self, network, device):
                return {"accuracy": 0.5}

        method, again = fitted(tmp_path, Reporting(hidden=8)), Reporting(hidden=8)
        again.load(saved(method, tmp_path / "saved"))
        assert again.report == method.report == {"accuracy": 0.5}

    def test_the_learning_curve_is_saved(self, tmp_path):
        method = fitted(tmp_path)
        rows = json.loads((saved(method, tmp_path / "saved") / "history.json").read_text())
        assert [row["value"] for row in rows] == [row.value for row in method.history]

    def test_a_checkpoint_with_other_parameters_is_refused(self, tmp_path):
        folder = saved(fitted(tmp_path), tmp_path / "saved")
        with pytest.raises(FormatError, match=r"params \{'hidden': 8\}\n.*'hidden': 9"):
            Brief(hidden=9).load(folder)


class TestInitialWeights:
    def test_they_follow_from_the_seed(self, tmp_path):
        first, second = (fitted(tmp_path / name) for name in "ab")
        assert torch.equal(weights(first), weights(second))
        assert not torch.equal(weights(first), weights(fitted(tmp_path / "c", seed=2)))

    def test_what_was_drawn_before_does_not_change_them(self, tmp_path):
        class Drawing(Brief):
            def configure(self, train, scale):
                torch.rand(5)
                return super().configure(train, scale)

        plain, drawing = fitted(tmp_path / "a"), fitted(tmp_path / "b", Drawing(hidden=8))
        assert torch.equal(weights(plain), weights(drawing))


class TestStatistics:
    def statistics(self, method):
        normalize = method.network[0]
        return torch.cat([normalize.mean.flatten(), normalize.deviation.flatten()])

    def test_they_are_those_of_the_training_inputs(self, tmp_path):
        method = fitted(tmp_path)
        train = noise("train", tmp_path, count=32)
        inputs = np.stack([method.inputs(train.scene(n).recording)["gcc"] for n in range(32)])
        expected = np.concatenate([inputs.mean((0, 2)), inputs.std((0, 2))])
        np.testing.assert_allclose(self.statistics(method), expected, rtol=1e-4)

    def test_validation_data_do_not_change_them(self, tmp_path):
        first = fitted(tmp_path / "a")
        other = Brief(hidden=8)
        other.fit(
            noise("train", tmp_path, count=32),
            noise("another validation", tmp_path, count=20),
            context(tmp_path / "b"),
        )
        assert torch.equal(self.statistics(first), self.statistics(other))

    def test_they_are_read_back(self, tmp_path):
        method, again = fitted(tmp_path), Brief(hidden=8)
        again.load(saved(method, tmp_path / "saved"))
        assert torch.equal(self.statistics(again), self.statistics(method))

    def test_fine_tuning_keeps_them(self, tmp_path):
        first = fitted(tmp_path / "a")
        start = saved(first, tmp_path / "saved")
        second = fitted(tmp_path / "b", count=48, start=start)
        assert torch.equal(self.statistics(second), self.statistics(first))
        again = Brief(hidden=8)
        again.load(saved(second, tmp_path / "saved again"))
        assert torch.equal(self.statistics(again), self.statistics(first))


class TestFineTuning:
    @pytest.fixture
    def first(self, tmp_path):
        return fitted(tmp_path / "first")

    @pytest.fixture
    def start(self, tmp_path, first):
        return saved(first, tmp_path / "start")

    def test_it_starts_from_the_weights_of_the_other_training(self, tmp_path, first, start):
        seen = []

        class Watching(Brief):
            def loss(self, network, batch, step):
                seen.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
                return super().loss(network, batch, step)

        fitted(tmp_path / "second", Watching(hidden=8), start=start)
        assert torch.equal(seen[0], weights(first))

    def test_it_uses_a_tenth_of_the_learning_rate(self, tmp_path, first, start):
        second = fitted(tmp_path / "second", start=start)
        rates = [method.history[0].learning_rate for method in (second, first)]
        assert rates[0] == pytest.approx(rates[1] / 10)

    def test_a_method_may_choose_other_settings(self, tmp_path, start):
        class Longer(Brief):
            def fine_tuning(self, settings):
                return replace(settings, epochs=2)

        assert len(fitted(tmp_path / "second", Longer(hidden=8), start=start).history) == 2

    def test_weights_of_another_shape_are_refused(self, tmp_path, start):
        class Wider(Brief):
            def build(self, config, statistics):
                network = super().build(config, statistics)
                return network.append(torch.nn.Linear(3, 3))

        message = r"2 tensors do not fit the network, such as 6.bias missing(.|\n)*continue on data"
        with pytest.raises(FormatError, match=message):
            fitted(tmp_path / "second", Wider(hidden=8), start=start)

    def test_weights_trained_with_other_parameters_are_refused(self, tmp_path, start):
        with pytest.raises(FormatError, match=r"params \{'hidden': 8\}\n.*'hidden': 9"):
            fitted(tmp_path / "second", Brief(hidden=9), start=start)


class TestFeatureCache:
    """The key of cached examples; `Brief` caches its inputs."""

    def folder(self, tmp_path, method=None, content="", scenes=None, **changes):
        method = method or Brief(hidden=8)
        scenes = scenes or noise("train", tmp_path, count=8)
        method.config = changes.pop("config", {"samples": 800})
        examples = method.cached(_Numbers(), scenes, context(tmp_path, **changes), content)
        assert isinstance(examples, CachedExamples)
        return examples.folder

    def test_the_same_examples_are_found_again(self, tmp_path):
        assert self.folder(tmp_path) == self.folder(tmp_path)

    @pytest.mark.parametrize(
        "changes",
        [
            {"config": {"samples": 400}},
            {"parts_key": "trained otherwise"},
            {"content": "inputs"},
            {"method": Brief(hidden=9)},
            {"method": TinyNetwork(hidden=8)},
        ],
        ids=["configuration", "parts", "content", "parameter", "class"],
    )
    def test_other_examples_have_another_key(self, tmp_path, changes):
        assert self.folder(tmp_path, **changes) != self.folder(tmp_path)

    def test_other_scenes_have_another_key(self, tmp_path):
        other = self.folder(tmp_path, scenes=noise("train", tmp_path, count=9))
        assert other != self.folder(tmp_path)

    def test_other_code_has_another_key(self, tmp_path, monkeypatch):
        before = self.folder(tmp_path)
        monkeypatch.setattr(trained_network, "source_sha256", lambda target: "changed")
        assert self.folder(tmp_path) != before

    def test_seed_and_workspace_do_not_change_the_key(self, tmp_path):
        assert self.folder(tmp_path, seed=2, workspace=tmp_path / "w") == self.folder(tmp_path)

    def test_parameters_that_features_do_not_depend_on_share_them(self, tmp_path):
        class Sharing(Brief):
            feature_parameters = ()

        first, second = (self.folder(tmp_path, Sharing(hidden=hidden)) for hidden in (8, 9))
        assert first == second


class _Numbers(CachedExamples):
    def __init__(self):
        pass

    def __len__(self):
        return 8

    def arrays(self, index):
        return {"number": np.array(index)}
