"""What benchmarks share: one thread, medians, and a place to say a ratio.

A test marked `target` holds a ratio against what the project promises. Machines are noisy: those
tests are for a quiet one, and no other run fails by them.
"""

import time

import numpy as np
import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def median_seconds():
    """Return a function that times an action some rounds, after one to warm up."""

    def measure(action, rounds):
        action()
        seconds = []
        for _ in range(rounds):
            start = time.perf_counter()
            action()
            seconds.append(time.perf_counter() - start)
        return float(np.median(seconds))

    return measure


@pytest.fixture
def say(capsys):
    """Return a function that prints a line past pytest's capture."""

    def speak(line):
        with capsys.disabled():
            print(f"\n{line}")

    return speak
