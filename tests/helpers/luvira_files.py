"""A miniature of the audio-only recordings of LuViRA: the same formats, a second of sound."""

from pathlib import Path

import numpy as np

from helpers.wav_files import wav_bytes
from sslbench.contracts import DatasetRequest
from sslbench.datasets.real.luvira import Luvira
from sslbench.datasets.simulated.luvira_sim import MICROPHONES

RATE = 96000
SECONDS = 1.0
EDGE = 0.1
"""Seconds in the audio at which the motion capture starts."""

HALF = np.array([0.03, 0.0, 0.01])
"""From a microphone to its second marker, in metres."""

HEADER = """NO_OF_FRAMES\t{frames}
NO_OF_CAMERAS\t20
NO_OF_MARKERS\t{markers}
FREQUENCY\t100
NO_OF_ANALOG\t0
ANALOG_FREQUENCY\t0
DESCRIPTION\t--
TIME_STAMP\t2022-05-07, 11:39:21.000\t1234.5
DATA_INCLUDED\t3D
MARKER_NAMES\t{names}
"""


def path(times):
    """Return where the source is, in metres, shape (frames, 3)."""
    return np.stack([0.2 * times, 0.2 - 0.3 * times, 1.0 + 0.05 * times], axis=1)


def tsv(points, *, titles=False, leading=True, frames=None, rate=100, digits=3):
    """Return a 3D TSV file of points in metres by marker, shape (frames, 3); 0 where NaN."""
    count = len(next(iter(points.values())))
    lines = HEADER.format(
        frames=count if frames is None else frames, markers=len(points), names="\t".join(points)
    )
    if titles:
        cells = [f"{name} {axis}" for name in points for axis in "XYZ"]
        lines += "\t".join((["Frame", "Time"] if leading else []) + cells) + "\n"
    for row in range(count):
        cells = [str(row + 1), f"{row / rate:.5f}"] if leading else []
        for values in points.values():
            cells += [f"{value:.{digits}f}" for value in np.nan_to_num(values[row] * 1000)]
        lines += "\t".join(cells) + "\n"
    return lines


def markers(frames=100, numbers=range(1, 12), name="mic{}{}"):
    """Return the markers of a recording: two for each microphone, and one for the source."""
    points = {}
    for number in numbers:
        for end, letter in ((-HALF, "a"), (HALF, "b")):
            place = MICROPHONES[number - 1] + end
            points[name.format(number, letter)] = np.tile(place, (frames, 1))
    points["speaker"] = path(np.arange(frames) / 100)
    return points


def csv(frames=100, start=1651923561.25):
    """Return a processed csv file of the path of the source."""
    rotation = ", ".join(f"Rot[{number}]" for number in range(9))
    lines = [f"# timestamps, X, Y, Z, Roll, Pitch, Yaw, Residual, {rotation}"]
    for row, (x, y, z) in enumerate(path(np.arange(frames) / 100) * 1000):
        time = start + row / 100
        lines.append(f"{time:.6f}, {x:.3f}, {y:.3f}, {z:.3f}, 0, 0, 0, 1.5" + ", 1" * 9)
    return "\n".join(lines) + "\n"


def tracks(name, seconds=SECONDS, rate=RATE):
    """Return the tracks of a recording by file name: sound from 0.25 s on, and the start signal."""
    rng = np.random.default_rng(sum(map(ord, name)))
    samples = round(seconds * rate)
    sound = rng.standard_normal((12, samples)) * 1000
    sound[:, : round(0.25 * rate)] *= 0.001
    found = {f"Track {number}.wav": track for number, track in enumerate(sound, start=1)}
    pulse = np.zeros(samples)
    pulse[round(EDGE * rate) : round((EDGE + 0.01) * rate)] = 20000
    return found | {"Sync.wav": pulse + rng.integers(-5, 6, samples)}


def write_recording(root, name, *, seconds=SECONDS, rate=RATE):
    """Write one recording as the archives have it: `music3` into `music0003`."""
    long_name = f"{name[:-1]}000{name[-1]}"
    folder = root / "audio_only" / long_name
    folder.mkdir(parents=True)
    for file, samples in tracks(name, seconds, rate).items():
        (folder / file).write_bytes(wav_bytes(samples, rate))
    truth = root / "ground_truth" / "raw" / "3D" / f"{long_name}.tsv"
    truth.parent.mkdir(parents=True, exist_ok=True)
    truth.write_text(tsv(markers(round(100 * seconds))))


def track(root, number, name="music0003"):
    return root / "audio_only" / name / f"Track {number}.wav"


def truth_file(root, name="music0003"):
    return root / "ground_truth" / "raw" / "3D" / f"{name}.tsv"


def opened(where, cache=None, split="music", **params):
    return Luvira(DatasetRequest(split, "smoke", params, where, Path(cache or where / "cache")))
