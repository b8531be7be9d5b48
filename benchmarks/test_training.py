"""Speed of training: the overhead of the shared loop, the loader, and the smoke scale."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from sslbench.contracts import TrainingContext
from sslbench.registry import Registry
from sslbench.results.store import Store, default_cache
from sslbench.running.session import Session
from sslbench.selection import choose
from sslbench.specs import DatasetSpec, MethodSpec
from sslbench.training.devices import place
from sslbench.training.examples import ExampleSet, batches, to_device
from sslbench.training.loop import Learner, Settings, Step, train

BATCH = 32
CLIPS = 640


@pytest.fixture
def session(tmp_path):
    return Session(Registry.installed(), Store(tmp_path), default_cache(), device="cpu")


class First(ExampleSet):
    """The first examples of a set."""

    def __init__(self, examples):
        self.examples = examples

    def __len__(self):
        return CLIPS

    def arrays(self, index):
        return self.examples.arrays(index)


@pytest.fixture
def prepared(session, tmp_path):
    """Return a function that gives `grid2d`, its initial network and examples of a data set."""

    def prepare(name, **params):
        data = choose(session.registry.find(DatasetSpec, name).spec, {})
        dataset = session.dataset(data, "train", "smoke")
        dataset.prepare()
        spec = session.registry.find(MethodSpec, "grid2d").spec
        method = session.method(choose(spec, params))
        method.config = method.configure(dataset, "smoke")
        network = method.build(method.config, {})
        place(network, torch.device("cpu"))  # the bare loop has the same memory layout
        return method, network, First(method.training_examples(dataset, context(tmp_path)))

    return prepare


def context(folder, report=lambda each: None):
    folder.mkdir(exist_ok=True)
    return TrainingContext(0, "smoke", folder, report)


def order(epoch):
    return np.random.default_rng([0, epoch]).permutation(CLIPS)


def bare_loop(method, network, examples):
    """Train for an epoch without the shared loop; return clips per second."""
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    network.train()
    start = time.perf_counter()
    for batch in batches(examples, order(1), BATCH):
        loss = method.loss(network, batch, Step(1.0, torch.Generator()))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
    return CLIPS / (time.perf_counter() - start)


class LossOnly(Learner):
    """A method without validation, which is not part of throughput."""

    def __init__(self, method):
        self.method = method

    def loss(self, network, batch, step):
        return self.method.loss(network, batch, step)

    def validate(self, network, device):
        return 0.0


def shared_loop(method, network, examples, folder):
    """Train for an epoch with the shared loop; return clips per second."""
    rows, settings = [], Settings(1, BATCH, 1e-3)
    train(LossOnly(method), network, examples, settings, context(folder, rows.append))
    return rows[0].values["clips_per_s"]


@pytest.mark.target
def test_the_shared_loop_is_as_fast_as_a_bare_one(prepared, tmp_path, say):
    method, network, examples = prepared("feng2025-l1", representation="uld")
    bare_loop(method, network, examples)
    rates = {"bare": [], "shared": []}
    for number in range(5):
        rates["bare"].append(bare_loop(method, network, examples))
        rates["shared"].append(shared_loop(method, network, examples, tmp_path / str(number)))
    bare, shared = (float(np.median(rates[name])) for name in ("bare", "shared"))
    say(f"training: shared loop {shared:.0f} clips/s, bare loop {bare:.0f}: {shared / bare:.2f}")
    assert shared >= 0.9 * bare


@pytest.mark.target
@pytest.mark.parametrize("representation", ["rg", "hm"])
def test_the_loader_is_three_times_as_fast_as_training(prepared, say, representation):
    method, network, examples = prepared("lemoing2019", representation=representation)
    rates = []
    for number in range(3):
        start = time.perf_counter()
        for batch in batches(examples, order(number), BATCH):
            to_device(batch, torch.device("cpu"))
        rates.append(CLIPS / (time.perf_counter() - start))
    alone = float(np.median(rates))
    training = bare_loop(method, network, examples)
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
