"""Speed of multilateration, from audio to position.

A translation of the published implementation (MATLAB, 100 iterations) takes 0.2 to 0.3 s per
frame. Here 1000 hypotheses are tried per frame.
"""

import numpy as np
import pytest

from sslbench.geometry import Box
from sslbench.scene import MicArray, Recording
from sslbench_classic.multilateration import Multilateration

RATE, SAMPLES, FRAMES = 16000, 2048, 20
ROOM = Box((0.0, 0.0, 0.0), (7.0, 8.0, 2.0))


@pytest.fixture(scope="module")
def recording():
    """Twenty frames of independent noise at eleven microphones: all peaks are wrong."""
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((11, FRAMES * SAMPLES)).astype(np.float32)
    mics = rng.uniform(ROOM.low, ROOM.high, (11, 3))
    times = (np.arange(FRAMES) + 0.5) * SAMPLES / RATE
    frame = SAMPLES / RATE
    return Recording("r", audio, RATE, MicArray(mics), times, frame=frame, region=ROOM)


@pytest.mark.benchmark(group="multilateration: 20 frames, 11 microphones, 4 peaks per pair")
def test_multilateration(benchmark, recording):
    benchmark(Multilateration(peaks=4).locate, recording)


@pytest.mark.target
def test_multilateration_processes_forty_frames_per_second(recording, median_seconds, say):
    method = Multilateration(peaks=4)
    rate = FRAMES / median_seconds(lambda: method.locate(recording), 5)
    say(f"multilateration: {rate:.0f} frames per second")
    assert rate >= 40
