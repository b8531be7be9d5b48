"""Networks are laid out for speed, and each GPU's thread computes in bfloat16."""

import threading

import torch
from torch import nn

from sslbench.training.devices import _Mixed, mixed, place, shared


def test_convolutions_are_placed_channels_last_and_give_the_same():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 3))
    image = torch.randn(2, 3, 9, 9)
    before = network(image)
    place(network, torch.device("cpu"))
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(network(image), before)


def test_without_several_gpus_a_network_is_itself():
    network = nn.Linear(2, 2)
    assert shared(network, torch.device("cpu")) is network


def test_a_cpu_stays_in_float32():
    with mixed(torch.device("cpu")):
        assert nn.Linear(2, 2)(torch.ones(1, 2)).dtype == torch.float32


def test_a_thread_of_its_own_computes_in_bfloat16_too():
    # torch takes float16 in new threads, where losses without a scaler would vanish.
    found = []
    network = _Mixed(nn.Linear(2, 2), "cpu")
    thread = threading.Thread(target=lambda: found.append(network(torch.ones(1, 2)).dtype))
    thread.start()
    thread.join()
    assert found == [torch.bfloat16]
