"""Artificial files of Libri-adhoc40."""

from pathlib import Path

import numpy as np

from helpers.wav_files import wav_bytes
from sslbench.contracts import DatasetRequest
from sslbench.datasets.real.libri_adhoc40 import LibriAdhoc40
from sslbench.datasets.real.libri_adhoc40_layout import microphone_positions
from sslbench.simulation.anechoic import render_anechoic

RATE = 16000
SAMPLES = 40000
UTTERANCES = {
    "1089-134686-0000": "pos 1",
    "121-121726-0003": "pos 2",
    "2300-131720-0010": "pos 3",
    "61-70968-0001": "pos 4",
}
FIRST = "pos 1/1089/134686"


def rendered(name, x, y, samples=SAMPLES):
    """Render noise in free field as 16-bit integers, shape (40, samples)."""
    rng = np.random.default_rng(int(name.replace("-", "")))
    noise = rng.standard_normal((1, samples), dtype=np.float32)
    audio = render_anechoic(noise, [(x, y, 0.95)], microphone_positions("test"), RATE)[0]
    # Without the additional noise, microphones at equal distances would have equal signals.
    return np.round(audio * 2000 + rng.standard_normal(audio.shape)).astype("<i2")


def write_utterance(split_folder, name, position, audio):
    speaker, chapter, _ = name.split("-")
    folder = split_folder / position / speaker / chapter
    folder.mkdir(parents=True, exist_ok=True)
    for channel, samples in enumerate(audio, 1):
        (folder / f"{name}-ch-{channel}.wav").write_bytes(wav_bytes(samples, RATE))
    # Not a valid audio file, so using it as a channel would fail.
    (folder / f"{name}-anechoic.wav").write_bytes(b"anechoic")


def opened(root, split="test", scale="paper", **params):
    return LibriAdhoc40(DatasetRequest(split, scale, params, root, Path("unused")))


def channel(root, number):
    return root / "adhoc40-test" / FIRST / f"1089-134686-0000-ch-{number}.wav"


def listing(root, *files):
    """Write a split of complete but silent utterances, by folder and name."""
    for folder, name in files:
        path = root / folder
        path.mkdir(parents=True, exist_ok=True)
        for number in range(1, 41):
            (path / f"{name}-ch-{number}.wav").write_bytes(wav_bytes(np.zeros(RATE // 10), RATE))
    return root
