"""Normalization statistics: which axes they keep, and that they normalize."""

import numpy as np
import pytest
import torch

from sslbench.training.examples import ExampleSet
from sslbench.training.normalization import Normalize, input_statistics


class Spectra(ExampleSet):
    """Random spectra of shape (channels, frames, bands), each band with a scale of its own."""

    def __init__(self, count=20):
        rng = np.random.default_rng(0)
        scale = np.array([1.0, 10.0, 100.0])
        self.values = (rng.standard_normal((count, 2, 7, 3)) * scale + scale).astype(np.float32)

    def __len__(self):
        return len(self.values)

    def arrays(self, index):
        return {"mel": self.values[index], "constant": np.full(3, 5.0)}


@pytest.mark.parametrize(
    ("kept", "shape"), [((), (1, 1, 1)), ((2,), (1, 1, 3)), ((0, 2), (2, 1, 3))]
)
def test_statistics_are_those_of_all_examples_by_the_kept_axes(kept, shape):
    examples = Spectra()
    mean, deviation = input_statistics(examples, {"mel": kept})["mel"]
    over = tuple(axis for axis in range(4) if axis - 1 not in kept)
    assert mean.shape == deviation.shape == shape
    np.testing.assert_allclose(mean.ravel(), examples.values.mean(over).ravel(), rtol=1e-5)
    np.testing.assert_allclose(deviation.ravel(), examples.values.std(over).ravel(), rtol=1e-5)


def test_no_axes_give_no_statistics_and_read_nothing():
    class Unreadable(Spectra):
        def arrays(self, index):
            raise AssertionError("read")

    assert input_statistics(Unreadable(), {}) == {}


def test_normalized_inputs_have_mean_0_and_deviation_1():
    examples = Spectra()
    normalize = Normalize(input_statistics(examples, {"mel": (2,)})["mel"])
    values = normalize(torch.from_numpy(examples.values))
    torch.testing.assert_close(values.mean((0, 1, 2)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(values.std((0, 1, 2), correction=0), torch.ones(3))


def test_a_constant_input_becomes_zero():
    statistics = input_statistics(Spectra(), {"constant": (0,)})["constant"]
    assert Normalize(statistics)(torch.full((2, 3), 5.0)).abs().max() == 0


def test_normalization_has_no_learned_weights():
    normalize = Normalize((np.zeros((2, 1)), np.ones((2, 1))))
    assert list(normalize.parameters()) == []
    assert set(normalize.state_dict()) == {"mean", "deviation"}
