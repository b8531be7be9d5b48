"""The files of a finished training are read back, and refused if damaged or of another model."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from helpers.toy_learner import network
from sslbench.errors import FormatError
from sslbench.training.checkpoint import EpochRow
from sslbench.training.weights import (
    halve,
    read_model,
    read_statistics,
    read_weights,
    write_model,
)

ABOUT = {"method": "line", "version": 1, "params": {"I": 6}}
STATISTICS = {"mel": (np.ones((2, 1)), np.full((2, 1), 3.0))}


@pytest.fixture
def written(tmp_path):
    history = [EpochRow(epoch, 0.5, 1.0, 1e-3, 2.0, 100.0) for epoch in (1, 2)]
    write_model(tmp_path, network().state_dict(), ABOUT, STATISTICS, history)
    return tmp_path


def test_weights_are_read_back(written):
    found = read_weights(written, network().state_dict())
    assert all(torch.equal(found[name], each) for name, each in network().state_dict().items())


def test_weights_in_half_precision_are_read_back_as_nearly_the_same(written):
    before = read_weights(written, network().state_dict())
    size = (written / "weights.safetensors").stat().st_size
    halve(written)
    found = read_weights(written, network().state_dict())
    assert {each.dtype for each in found.values() if each.is_floating_point()} == {torch.float16}
    for name, each in before.items():
        torch.testing.assert_close(found[name].to(each.dtype), each, rtol=1e-3, atol=1e-6)
    assert (written / "weights.safetensors").stat().st_size < size
    network().load_state_dict(found)


def test_a_folder_without_weights_stays_as_it_is(tmp_path):
    (tmp_path / "mean.npy").write_bytes(b"1")
    halve(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mean.npy"]


def test_statistics_are_read_back(written):
    ((name, (mean, deviation)),) = read_statistics(written).items()
    assert (name, mean.tolist(), deviation.tolist()) == ("mel", [[1], [1]], [[3], [3]])


def test_the_learning_curve_has_one_row_per_epoch(written):
    assert [row["epoch"] for row in json.loads((written / "history.json").read_text())] == [1, 2]


@pytest.mark.parametrize("change", [{"method": "x"}, {"version": 2}, {"params": {"I": 7}}])
def test_a_model_of_another_method_version_or_parameter_is_refused(written, change):
    assert read_model(written, ABOUT) == ABOUT
    with pytest.raises(FormatError, match="this checkpoint is of another model"):
        read_model(written, ABOUT | change)


@pytest.mark.parametrize(
    ("file", "read"),
    [
        ("weights.safetensors", lambda folder: read_weights(folder, {})),
        ("statistics.safetensors", read_statistics),
    ],
)
def test_truncated_tensors_are_reported(written, file, read):
    path = written / file
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FormatError, match=f"{file}: damaged weights"):
        read(written)


def test_a_truncated_description_is_reported(written):
    path = written / "model.json"
    path.write_text(path.read_text()[:20])
    with pytest.raises(FormatError, match=r"model\.json: JSON.*\n.*of a finished training"):
        read_model(written, ABOUT)


def test_weights_of_another_shape_are_named_with_both_shapes(written):
    other = nn.Sequential(nn.Linear(3, 4), nn.Dropout(), nn.Linear(4, 3)).state_dict()
    message = r"3 tensors do not fit the network, such as 0.bias of shape \(8,\) instead of .*4"
    with pytest.raises(FormatError, match=message):
        read_weights(written, other)


def test_missing_weights_are_named(written):
    other = network().state_dict() | {"gain": torch.ones(1)}
    with pytest.raises(FormatError, match="1 tensors do not fit the network, such as gain missing"):
        read_weights(written, other)
