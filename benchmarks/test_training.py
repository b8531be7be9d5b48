"""The shared loop costs next to nothing, and data never waits for the network."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from sslbench.cell import Choice
from sslbench.contracts import TrainingContext
from sslbench.registry import Registry
from sslbench.results.store import Store, default_cache
from sslbench.running.stages import Workbench
from sslbench.specs import DatasetSpec, MethodSpec
from sslbench.training.devices import place
from sslbench.training.examples import Examples, batches, to_device
from sslbench.training.loop import Settings, train

BATCH = 32
CLIPS = 640


@pytest.fixture
def bench(tmp_path):
    return Workbench(Registry.installed(), Store(tmp_path), default_cache(), device="cpu")


def opened(bench, name, split="train"):
    spec = bench.registry.find(DatasetSpec, name).spec
    choice = Choice(name, {p.name: p.default for p in spec.parameters})
    dataset = bench.dataset(choice, split, "smoke")
    dataset.prepare()
    return dataset


def learner(bench, dataset, **params):
    spec = bench.registry.find(MethodSpec, "grid2d").spec
    defaults = {p.name: p.default for p in spec.parameters}
    method = bench.method(Choice("grid2d", defaults | params))
    network = method.begin(dataset, "smoke")
    place(network, torch.device("cpu"))  # or the bare loop would have another layout
    return method, network, Examples(dataset, method.example)


def order(epoch):
    return np.random.default_rng([0, epoch]).permutation(CLIPS)


class Half(Examples):
    """The first clips of a data set."""

    def __len__(self):
        return CLIPS


def bare_loop(method, network, examples):
    """What one would write without the project: the same network, data and optimizer."""
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    network.train()
    start = time.perf_counter()
    for batch in batches(examples, order(1), BATCH):
        batch["progress"] = torch.tensor(1.0)
        loss = method.loss(network, batch, torch.Generator())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
    return CLIPS / (time.perf_counter() - start)


def shared_loop(method, network, examples, folder):
    # Validation is not part of throughput.
    method.validate = lambda network, device: 0.0
    rows = []
    context = TrainingContext(0, "smoke", Path(folder), rows.append)
    train(method, network, examples, Settings(1, BATCH, 1e-3), context)
    return rows[0].values["clips_per_s"]


@pytest.mark.target
def test_the_shared_loop_is_as_fast_as_a_bare_one(bench, tmp_path, say):
    dataset = opened(bench, "feng2025-l1")
    method, network, examples = learner(bench, dataset, representation="uld")
    few = Half(examples.scenes, examples.make)
    bare_loop(method, network, few)
    rates = {"bare": [], "shared": []}
    for round_ in range(5):
        folder = tmp_path / str(round_)
        folder.mkdir()
        rates["bare"].append(bare_loop(method, network, few))
        rates["shared"].append(shared_loop(method, network, few, folder))
    bare, shared = (float(np.median(rates[name])) for name in ("bare", "shared"))
    say(f"training: shared loop {shared:.0f} clips/s, bare loop {bare:.0f}: {shared / bare:.2f}")
    assert shared >= 0.9 * bare


@pytest.mark.target
@pytest.mark.parametrize("representation", ["rg", "hm"])
def test_the_loader_delivers_three_times_what_training_consumes(bench, say, representation):
    dataset = opened(bench, "lemoing2019")
    method, network, examples = learner(bench, dataset, representation=representation)
    few = Half(examples.scenes, examples.make)
    rates = []
    for round_ in range(3):
        start = time.perf_counter()
        for batch in batches(few, order(round_), BATCH):
            to_device(batch, torch.device("cpu"))
        rates.append(CLIPS / (time.perf_counter() - start))
    alone = float(np.median(rates))
    training = bare_loop(method, network, few)
    say(f"{representation}: loader {alone:.0f} clips/s, training {training:.0f}")
    assert alone >= 3 * training


@pytest.mark.target
def test_smoke_of_all_representations_takes_less_than_three_minutes(tmp_path, say):
    command = [
        *(sys.executable, "-m", "sslbench", "run", "-j", "2", "--device", "cpu"),
        *("-m", "grid2d[representation={tg,hm,rg,onehot,uld}]", "-d", "feng2025-l1"),
    ]
    environment = {**os.environ, "SSLBENCH_STORE": str(tmp_path), "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    seconds = time.perf_counter() - start
    say(f"smoke of five representations on two cores: {seconds:.0f} s")
    assert seconds < 180
