"""Which classical methods are frame-wise.

A method is frame-wise if it gives bit-identical estimates for a time of a recording whether it is
given the whole recording or only the audio of the frame at that time.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from helpers.known_delays import KnownDelays
from sslbench.contracts import Method
from sslbench.geometry import Box, unit_vector
from sslbench.registry import load_target
from sslbench.scene import Kind, Recording
from sslbench_classic import sslbench_methods

SPECS = {spec.name: spec for spec in sslbench_methods() if not spec.oracle}

FRAME_WISE = {name for name, spec in SPECS.items() if spec.frame_wise}

NOT_FRAME_WISE = {"random-position", "random-direction"}
"""Each recording has one random stream, which advances with every frame: the estimate for a frame
depends on how many frames precede it."""

FRAME = 0.1
TIMES = np.array([0.0, 0.1003, 0.25, 0.41, 0.51])
"""Seconds. The first and the last frame reach beyond the audio; the third one is silent."""

SILENT = slice(3000, 5000)
"""Samples without sound; the third frame has samples 3200 to 4800."""

MICROPHONES = np.array(
    [[0.05, 0.01, 0.0], [-0.02, 0.04, 0.02], [-0.04, -0.03, -0.01], [0.02, -0.05, 0.03]]
)
COARSE = {"srp": {"grid": 0.5, "angle": 10.0}, "pra": {"grid": 15.0, "bins": 6}}
"""Parameters that make the searches faster, by the first part of the name of a method."""

CASES = [
    pytest.param(name, kind, sources, id=f"{name}: {sources} {kind}")
    for name in sorted(FRAME_WISE)
    for kind in SPECS[name].outputs
    for sources in ((1,) if SPECS[name].max_sources == 1 else (1, 2))
]

MakeRecording = Callable[[Kind, int], Recording]


@pytest.fixture(scope="module")
def record(near, far, luvira) -> MakeRecording:
    """Make a recording with frames: `record(kind, max_sources)`."""

    def make(kind: Kind, sources: int) -> Recording:
        if kind == "position":
            region = Box((-3.5, -4.0, 0.0), (3.5, 4.0, 2.0))
            base = near(luvira, [1.0, 2.0, 0.8], region, samples=8192)
        else:
            base = far(MICROPHONES, unit_vector(np.array([0.3, 2.5])[:sources], 0.4))
        audio = base.audio.copy()
        audio[:, SILENT] = 0
        return replace(base, audio=audio, times=TIMES, frame=FRAME, max_sources=sources)

    return make


def make_method(name: str) -> Method:
    values = {parameter.name: parameter.default for parameter in SPECS[name].parameters}
    coarse = COARSE.get(name.partition("-")[0], {})
    values |= {key: value for key, value in coarse.items() if key in values}
    method: Method = load_target(SPECS[name].target, name)(**values)
    method.parts = {part.name: KnownDelays() for part in SPECS[name].parts}
    if name == "mean-position":
        method.mean = np.array([0.1, 0.2, 0.3])
    return method


def single_row(recording: Recording, row: int) -> Recording:
    """Cut a recording to the audio of one of its times; the frame is as long as before."""
    assert recording.frame is not None
    length = round(recording.frame * recording.sample_rate)
    start = round(recording.times[row] * recording.sample_rate - length / 2)
    first = max(0, start)
    return replace(
        recording,
        audio=recording.audio[:, first : start + length],
        times=np.array([(start - first + length / 2) / recording.sample_rate]),
    )


def located_by_row(method: Method, recording: Recording) -> np.ndarray:
    rows = [single_row(recording, row) for row in range(len(recording.times))]
    return np.concatenate([method.locate(row).tracks.xyz for row in rows])


def test_a_single_row_has_the_frame_of_the_recording(record) -> None:
    recording = record("direction", 1)
    frames = np.concatenate([single_row(recording, row).frames() for row in range(len(TIMES))])
    np.testing.assert_array_equal(frames, recording.frames())


def test_every_method_is_classified() -> None:
    assert set(SPECS) == FRAME_WISE | NOT_FRAME_WISE
    assert not FRAME_WISE & NOT_FRAME_WISE


@pytest.mark.parametrize(("name", "kind", "sources"), CASES)
def test_estimates_of_frame_wise_methods_are_bit_identical_row_by_row(
    record, name: str, kind: Kind, sources: int
) -> None:
    recording, method = record(kind, sources), make_method(name)
    xyz = method.locate(recording).tracks.xyz
    assert np.isfinite(xyz[[0, 1, 3, 4], 0]).any()
    np.testing.assert_array_equal(located_by_row(method, recording), xyz)


@pytest.mark.parametrize("name", sorted(NOT_FRAME_WISE))
def test_random_estimates_depend_on_the_preceding_frames(record, name: str) -> None:
    recording, method = record(SPECS[name].outputs[0], 1), make_method(name)
    xyz = method.locate(recording).tracks.xyz
    by_row = located_by_row(method, recording)
    np.testing.assert_array_equal(by_row[0], xyz[0])
    assert not np.isclose(by_row[1:], xyz[1:]).all(axis=-1).any()
