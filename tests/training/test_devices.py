"""Where networks compute, in which memory layout and in which precision."""

import threading

import pytest
import torch
from torch import nn

from sslbench.errors import UsageError
from sslbench.training.devices import _Mixed, find_device, mixed, place, shared


def test_convolutions_are_placed_channels_last_without_changing_the_output():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 3))
    image = torch.randn(2, 3, 9, 9)
    before = network(image)
    place(network, torch.device("cpu"))
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(network(image), before)


def test_a_network_on_the_cpu_is_not_distributed():
    network = nn.Linear(2, 2)
    assert shared(network, torch.device("cpu")) is network


def test_a_cpu_computes_in_float32():
    with mixed(torch.device("cpu")):
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.float32


def test_each_thread_of_a_distributed_network_computes_in_bfloat16():
    # New threads use float16 by default, in which small gradients vanish.
    found = []
    network = _Mixed(nn.Linear(2, 2), "cpu")
    thread = threading.Thread(target=lambda: found.append(network(torch.ones(1, 2)).dtype))
    thread.start()
    thread.join()
    assert found == [torch.bfloat16]


@pytest.mark.parametrize(
    ("name", "message"), [("tpu", "no device 'tpu'"), ("cuda", "no GPU that torch can use")]
)
def test_an_unavailable_device_is_refused(name, message, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=message):
        find_device(name)


def test_auto_is_the_cpu_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert find_device("auto").type == "cpu"
