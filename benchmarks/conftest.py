"""Fixtures for all benchmarks: one thread, median times, printing of results.

A test marked `target` compares a measured speed with a target. Other work on the machine disturbs
the measurement, so `.ci/benchmarks` reports a target that is missed and does not fail.
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
    """Return a function that measures the median time of an action, after a warm-up."""

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
    """Return a function that prints a line although pytest captures output."""

    def print_line(line):
        with capsys.disabled():
            print(f"\n{line}")

    return print_line
