"""Running the command line in this process, as a user would."""

import sys

import numpy as np
import pytest
import soundfile

from sslbench.cli import main
from sslbench.registry import Registry, load_target
from sslbench.specs import DatasetSpec

ARRAY = """
microphones:
  - [0.02285, 0.02285, 0.005]
  - [-0.02285, 0.02285, 0.005]
  - [-0.02285, -0.02285, 0.005]
  - [0.02285, -0.02285, 0.005]
"""


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SSLBENCH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("SSLBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sslbench(monkeypatch, capsys):
    """Run a command; return its exit code, output and errors."""

    def type_(*words):
        monkeypatch.setattr(sys, "argv", ["sslbench", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        return end.value.code, printed.out, printed.err

    return type_


@pytest.fixture
def small(monkeypatch):
    """Let `feng2025-l1` have a few scenes per split."""
    target = Registry.installed().find(DatasetSpec, "feng2025-l1").spec.target
    dataset = load_target(target, "feng2025-l1")
    sizes = {"smoke": {"train": 64, "validation": 16, "test": 16}}
    monkeypatch.setattr(dataset, "sizes", sizes)
    monkeypatch.setattr(dataset, "chunk", 64)


@pytest.fixture
def array_file(tmp_path):
    path = tmp_path / "array.yaml"
    path.write_text(ARRAY)
    return path


@pytest.fixture
def wav(tmp_path):
    """Write a wav file of noise that reaches the array from an azimuth in degrees."""

    def write(azimuth=90.0, name="noise.wav", **changes):
        mics = 0.02285 * np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
        angle = np.radians(azimuth)
        lead = mics @ [np.cos(angle), np.sin(angle)] / 343
        rng = np.random.default_rng(1)
        spectrum = np.fft.rfft(rng.standard_normal(16000))
        turns = np.outer(lead, np.fft.rfftfreq(16000, 1 / 16000))
        audio = np.fft.irfft(spectrum * np.exp(2j * np.pi * turns)).T * 0.1
        path = tmp_path / name
        soundfile.write(path, changes.get("audio", audio), changes.get("rate", 16000))
        return path

    return write
