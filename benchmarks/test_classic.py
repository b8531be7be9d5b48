"""Speed of multilateration, from audio to position.

The published implementation (MATLAB, 100 iterations) was translated and takes 0.2 to 0.3 s a
frame; here 1000 hypotheses are tried a frame.
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
    """Twenty frames of eleven microphones, with as many wrong peaks as noise gives."""
    rng = np.random.default_rng(0)
    audio = rng.standard_normal((11, FRAMES * SAMPLES)).astype(np.float32)
    mics = rng.uniform(ROOM.low, ROOM.high, (11, 3))
    times = (np.arange(FRAMES) + 0.5) * SAMPLES / RATE
    frame = SAMPLES / RATE
    return Recording("r", audio, RATE, MicArray(mics), times, frame=frame, region=ROOM)


@pytest.mark.benchmark(group="multilateration: 20 frames, 11 microphones, 4 peaks a pair")
def test_multilateration(benchmark, recording):
    benchmark(Multilateration(peaks=4).locate, recording)


@pytest.mark.target
def test_multilateration_takes_forty_frames_a_second(recording, median_seconds, say):
    method = Multilateration(peaks=4)
    rate = FRAMES / median_seconds(lambda: method.locate(recording), 5)
    say(f"multilateration: {rate:.0f} frames a second")
    assert rate >= 40
