"""gnn: the size of its network, its features, training and the order of microphones."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.seven_microphones import frames, permuted
from helpers.toy_learner import context, selection
from sslbench.acoustics.gcc import ROBUST, gcc_phat
from sslbench.geometry import microphone_pairs
from sslbench.scene import MicArray
from sslbench_gnn import sslbench_methods
from sslbench_gnn.method import FEWEST, Gnn, drawn_microphones
from sslbench_gnn.network import RelationNetwork

(SPEC,) = sslbench_methods()


class Brief(Gnn):
    def settings(self, scale):
        return replace(super().settings(scale), epochs=2, batch=9)


def fitted(folder, **params):
    train, validation = frames("train", folder), frames("validation", folder, count=6)
    found = Brief(**{"width": 8, "whitening": "robust", "symmetrize": False} | params)
    chosen = selection("position-error-capped")
    found.fit(train, validation, context(folder / "work", selection=chosen))
    return found


@pytest.fixture(scope="module")
def method(tmp_path_factory):
    return fitted(tmp_path_factory.mktemp("gnn"))


@pytest.fixture
def recording(tmp_path):
    return frames("test", tmp_path).scene(0).recording


def test_the_network_has_the_published_size():
    size = sum(each.numel() for each in RelationNetwork(512, 625).parameters())
    assert size == pytest.approx(2_210_000, rel=0.02)


def test_the_output_is_a_function_of_the_mean_over_pairs():
    torch.manual_seed(0)
    network = RelationNetwork(4, 8)
    gcc, mics, room = torch.randn(1, 3, 9), torch.randn(1, 3, 3), torch.randn(1, 3)
    said = [
        network.pairs(torch.cat([gcc[0, pair, :-1], mics[0, i], mics[0, j], room[0]]))
        for pair, (i, j) in enumerate(zip(*microphone_pairs(3), strict=True))
    ]
    expected = network.output(torch.stack(said).mean(dim=0))
    torch.testing.assert_close(network(gcc, mics, room)[0], expected)


def test_microphones_that_are_left_out_do_not_matter():
    torch.manual_seed(0)
    network = RelationNetwork(4, 8)
    gcc, mics, room = torch.randn(1, 6, 9), torch.randn(1, 4, 3), torch.randn(1, 3)
    kept = torch.tensor([[True, False, True, True]])
    i, j = microphone_pairs(4)
    pairs = [pair for pair in range(6) if 1 not in (i[pair], j[pair])]
    alone = network(gcc[:, pairs], mics[:, [0, 2, 3]], room)
    torch.testing.assert_close(network(gcc, mics, room, kept), alone)


def test_training_draws_five_microphones_to_all():
    kept = drawn_microphones(500, 11, torch.Generator().manual_seed(0))
    assert sorted(set(kept.sum(dim=1).tolist())) == list(range(FEWEST, 12))
    assert kept.float().mean(dim=0).min() > 0.6  # no microphone is preferred


def test_features_are_correlations_whose_largest_value_is_one(method, recording):
    found = method.inputs(recording)["gcc"].astype(float)
    assert found.shape == (21, 2 * method.config["max_lag"] + 1)
    np.testing.assert_allclose(found.max(axis=1), 1)
    audio, max_lag = torch.tensor(recording.audio), method.config["max_lag"]
    plain = gcc_phat(audio, max_lag, whitening=ROBUST).numpy()
    np.testing.assert_allclose(found[3], plain[3] / plain[3].max(), atol=1e-3)


def test_the_published_whitening_is_that_of_the_textbook(tmp_path, recording):
    method = fitted(tmp_path, whitening="phat")
    found = method.inputs(recording)["gcc"].astype(float)
    plain = gcc_phat(torch.tensor(recording.audio), method.config["max_lag"]).numpy()
    np.testing.assert_allclose(found[3], plain[3] / plain[3].max(), atol=1e-3)
    assert all(each.params["whitening"] == "phat" for each in SPEC.published)


def test_it_trains_and_predicts_with_any_number_of_microphones(method, recording):
    assert len(method.history) == 2
    fewer = replace(
        recording, audio=recording.audio[:5], array=MicArray(recording.array.positions[:5])
    )
    for each in (recording, fewer):
        method.check(each)
        found = method.locate(each)
        assert np.isfinite(found.tracks.xyz).all()


def test_with_symmetrize_the_order_of_the_microphones_does_not_matter(tmp_path, recording):
    method = fitted(tmp_path, symmetrize=True)
    swapped = permuted(recording, [3, 0, 6, 2, 1, 5, 4])
    one, other = (method.locate(each).tracks.xyz for each in (recording, swapped))
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_published_values_are_those_of_table_one():
    found = {(each.split, each.metric): each.value for each in SPEC.published}
    assert found[("music", "position-error-capped")] == 0.170
    assert found[("speech", "position-accuracy[within=30cm]")] == 71.2
