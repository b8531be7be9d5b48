"""Speed of wav2pos: a minute of eleven microphones, a training epoch, and smoke runs."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest
import torch

from sslbench.contracts import TrainingContext
from sslbench.registry import Registry
from sslbench.results.store import Store, default_cache
from sslbench.running.session import Session
from sslbench.scoring.selection_metric import selection_metrics
from sslbench.selection import choose
from sslbench.specs import DatasetSpec, MethodSpec
from sslbench.training.examples import batches
from sslbench.training.loop import Step
from sslbench_wav2pos.method import Wav2pos

MINUTE = """
import time

import numpy as np
import torch

import sslbench

torch.set_num_threads(2)
method = sslbench.load_method({method!r}, trained_on="luvira-sim")
scene = sslbench.load_dataset("luvira-sim").scene(0).recording
rate = scene.sample_rate
audio = np.random.default_rng(0).standard_normal((11, 60 * rate)).astype(np.float32)
times = (np.arange(audio.shape[1] // 2048) + 0.5) * 2048 / rate
recording = sslbench.Recording(
    "minute", audio, rate, scene.array, times, frame=2048 / rate, region=scene.region
)
method.locate(scene)
start = time.perf_counter()
found = method.locate(recording)
seconds = time.perf_counter() - start
assert found.tracks.xyz.shape == (len(times), 1, 3)
print(seconds, flush=True)
"""


def sslbench_environment(store):
    return {**os.environ, "SSLBENCH_STORE": str(store), "OMP_NUM_THREADS": "1"}


def peak_memory(process):
    """Return the largest resident memory of a process in bytes, once it has ended."""
    largest, watched = 0, psutil.Process(process.pid)
    while process.poll() is None:
        try:
            largest = max(largest, watched.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.02)
    return largest


@pytest.mark.target
def test_a_minute_of_eleven_microphones_is_faster_than_real_time(tmp_path, say):
    name = "wav2pos[features=ngcc,width=64,depth=2,channels=16]"
    environment = sslbench_environment(tmp_path)
    train = [sys.executable, "-m", "sslbench", "train", "-m", name, "-d", "luvira-sim"]
    subprocess.run(train, env=environment, check=True, capture_output=True)
    code = MINUTE.format(method=name)
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
    )
    largest = peak_memory(process)
    output, _ = process.communicate()
    seconds = float(output.split()[0])
    say(
        f"wav2pos on a minute of 11 channels, two threads: {seconds:.0f} s, {largest / 2**20:.0f}"
        " MiB"
    )
    assert process.returncode == 0
    assert seconds < 60
    assert largest < 2**30


class FourEpochs(Wav2pos):
    """wav2pos with the batches of quick scale."""

    def settings(self, scale):
        return replace(super().settings(scale), epochs=4, batch=64)


def epoch(method, network, examples, optimizer):
    """Train for an epoch of batches in memory; return seconds."""
    network.train()
    start = time.perf_counter()
    for batch in examples:
        loss = method.loss(network, batch, Step(1.0, torch.Generator()))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
    return time.perf_counter() - start


@pytest.mark.target
def test_an_epoch_with_cached_features_spends_its_time_in_the_network(tmp_path, say):
    session = Session(Registry.installed(), Store(tmp_path), default_cache(), device="cpu")
    data = choose(session.registry.find(DatasetSpec, "luvira-sim").spec, {})
    spec = session.registry.find(MethodSpec, "wav2pos").spec
    method = FourEpochs(**choose(spec, {"width": 64, "depth": 2}).params)
    splits = {split: session.dataset(data, split, "smoke") for split in ("train", "validation")}
    chosen = selection_metrics(session.registry, spec.selection, "position")
    ends = []
    context = TrainingContext(
        0, "smoke", tmp_path / "work", lambda _: ends.append(time.perf_counter()), selection=chosen
    )
    context.workspace.mkdir()
    method.fit(splits["train"], splits["validation"], context)
    whole = float(np.median(np.diff(ends)))

    examples = method.training_examples(splits["train"], context)
    held = list(batches(examples, np.arange(len(examples)), 64))
    network, inputs = method.network, method.validation_inputs
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4)
    trained = float(np.median([epoch(method, network, held, optimizer) for _ in range(4)]))
    network.eval()
    shown = list(batches(inputs, np.arange(len(inputs)), 32))
    start = time.perf_counter()
    with torch.no_grad():
        for batch in shown:
            method.forward(network, batch)
        method.curve_values(network, torch.device("cpu"))
    validated = time.perf_counter() - start
    share = (trained + validated) / whole
    say(f"wav2pos: {whole:.2f} s per epoch, {share:.0%} of it in the network")
    assert share >= 0.8


@pytest.mark.target
def test_smoke_of_all_methods_on_luvira_sim_takes_less_than_four_minutes(tmp_path, say):
    names = [
        *("wav2pos[features={gcc,ngcc}]", "di-nn", "gnn"),
        *("multilateration[delays={gcc,ngcc}]", "srp-ngcc", "srp-phat"),
    ]
    chosen = [word for name in names for word in ("-m", name)]
    command = [
        *(sys.executable, "-m", "sslbench", "run", "-j", "2", "--device", "cpu"),
        *chosen,
        *("-d", "luvira-sim"),
    ]
    start = time.perf_counter()
    subprocess.run(command, env=sslbench_environment(tmp_path), check=True, capture_output=True)
    seconds = time.perf_counter() - start
    say(f"smoke of the methods of Berg et al. on two cores: {seconds:.0f} s")
    assert seconds < 240
