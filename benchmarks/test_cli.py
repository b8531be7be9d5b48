"""Time of the commands that are typed most often, with an empty Python as the reference."""

import subprocess
import sys

import pytest

COMMANDS = {
    "python": ["-c", ""],
    "help": ["--help"],
    "methods": ["methods"],
    "datasets": ["datasets", "list"],
}


@pytest.mark.benchmark(group="commands (an empty python is the reference)")
@pytest.mark.parametrize("name", COMMANDS)
def test_command(benchmark, name):
    module = [] if name == "python" else ["-m", "sslbench"]
    words = [sys.executable, *module, *COMMANDS[name]]
    benchmark(subprocess.run, words, check=True, capture_output=True)
