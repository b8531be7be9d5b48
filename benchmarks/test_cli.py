"""How long listing takes: what is typed most often must answer at once."""

import subprocess
import sys

import pytest

VERBS = {
    "python": ["-c", ""],
    "help": ["--help"],
    "methods": ["methods"],
    "datasets": ["datasets", "list"],
}


@pytest.mark.benchmark(group="listing (an empty python is the reference)")
@pytest.mark.parametrize("verb", VERBS)
def test_listing(benchmark, verb):
    module = [] if verb == "python" else ["-m", "sslbench"]
    benchmark(
        subprocess.run, [sys.executable, *module, *VERBS[verb]], check=True, capture_output=True
    )
