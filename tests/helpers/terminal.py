"""Typing the commands of the documentation: in this process, in a folder of their own."""

import contextlib
import importlib
import io
import os
import shlex
import sys
import tomllib
from pathlib import Path

import numpy as np
import soundfile

from sslbench.cli import main
from sslbench.datasets.formats.array_file import read_array_file
from sslbench.datasets.formats.ground_truth_table import read_ground_truth_table

RATE = 16000
RESPEAKER = """\
microphones:
  - [0.02285, 0.02285, 0.005]
  - [-0.02285, 0.02285, 0.005]
  - [-0.02285, -0.02285, 0.005]
  - [0.02285, -0.02285, 0.005]
"""
ROOM = """\
microphones:
  - [0.0, 0.0, 1.0]
  - [0.2, 0.0, 1.0]
  - [0.2, 0.2, 1.0]
  - [0.0, 0.2, 1.0]
search: {min: [0, 0, 0], max: [6, 4, 2.5]}
"""


class Terminal:
    """A folder with the files that the documentation supposes, and what is typed there.

    Args:
        folder: the current one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.installed: list[str] = []
        self.write("array.yaml", RESPEAKER)
        soundfile.write(folder / "meeting.wav", _far_field(45.0), RATE)
        self.write("my-room/array.yaml", ROOM)
        self.write("my-room/truth.csv", _walk())

    def write(self, name: str, text: str) -> None:
        """Write a file; a table of recordings gets audio in which its sources are active."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if path.name == "truth.csv":
            _render(path)

    def type(self, line: str) -> str:
        """Run a command line and return its output.

        Raises:
            AssertionError: if a command fails; the message has what it printed.
        """
        words = shlex.split(line, comments=True)
        output = ""
        while words:
            end = words.index("&&") if "&&" in words else len(words)
            output += self._run(words[:end], line)
            words = words[end + 1 :]
        return output

    def _run(self, words: list[str], line: str) -> str:
        into = None
        if ">" in words:
            into = self.folder / words[-1]
            words = words[: words.index(">")]
        assigned = {}
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            assigned[name] = value
        if words[:2] == ["pip", "install"]:
            self.install(self.folder / words[-1])
            return ""
        assert words[0] == "sslbench", f"{line!r} cannot be run in a test"
        code, output, errors = _sslbench(words, assigned)
        assert code == 0, f"{line}\nexited with {code}\n{output}\n{errors}"
        if into is not None:
            into.write_text(output, encoding="utf-8")
        return output

    def install(self, project: Path) -> None:
        """Make a package importable and its entry points known, as an editable install does."""
        about = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        name = about["name"].replace("-", "_")
        facts = project / f"{name}-{about['version']}.dist-info"
        facts.mkdir(exist_ok=True)
        (facts / "METADATA").write_text(f"Name: {about['name']}\nVersion: {about['version']}\n")
        points = about["entry-points"]["sslbench"]
        lines = [f"{key} = {value}" for key, value in points.items()]
        (facts / "entry_points.txt").write_text("[sslbench]\n" + "\n".join(lines) + "\n")
        sys.path.insert(0, str(project))
        self.installed.append(str(project))
        importlib.invalidate_caches()

    def close(self) -> None:
        """Undo every installation."""
        for project in self.installed:
            sys.path.remove(project)
            for name, module in list(sys.modules.items()):
                if str(getattr(module, "__file__", "")).startswith(project):
                    del sys.modules[name]


def _sslbench(words: list[str], assigned: dict[str, str]) -> tuple[object, str, str]:
    output, errors = io.StringIO(), io.StringIO()
    before, environment = sys.argv, os.environ.copy()
    sys.argv = words
    os.environ.update(assigned)
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            main()
    except SystemExit as end:
        return end.code or 0, output.getvalue(), errors.getvalue()
    finally:
        sys.argv = before
        os.environ.clear()
        os.environ.update(environment)
    raise AssertionError("the command line always exits")


def _walk() -> str:
    rows = ["file,time_s,source,x,y,z", "door.wav,,,5.0,3.5,1.6"]
    for step in range(12):
        time = 0.2 + 0.1 * step
        rows.append(f"walk.wav,{time:.1f},ann,{1 + 0.1 * step:.1f},2.0,1.6")
    return "\n".join(rows) + "\n"


def _far_field(azimuth: float) -> np.ndarray:
    mics = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * 0.02285
    angle = np.radians(azimuth)
    return _delayed(-mics @ [np.cos(angle), np.sin(angle)] / 343, 2 * RATE, seed=0).T


def _delayed(delays: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Return noise that reaches microphones with delays in seconds, shape (channels, samples)."""
    spectrum = np.fft.rfft(0.1 * np.random.default_rng(seed).standard_normal(samples))
    turns = np.outer(delays, np.fft.rfftfreq(samples, 1 / RATE))
    return np.fft.irfft(spectrum * np.exp(-2j * np.pi * turns), samples)


def _render(table: Path) -> None:
    mics = read_array_file(table.parent / "array.yaml").array.known
    _, recordings = read_ground_truth_table(table)
    for recording in recordings:
        times = np.array([1.0]) if recording.times is None else recording.times
        between = (times[1:] + times[:-1]) / 2
        ends = [round(float(t) * RATE) for t in (0, *between, times[-1] + 1)]
        audio = np.zeros((len(mics), ends[-1]))
        for frame, positions in enumerate(recording.xyz):
            part = slice(ends[frame], ends[frame + 1])
            for source, xyz in enumerate(positions):
                if np.isfinite(xyz).all():
                    delays = np.linalg.norm(mics - xyz, axis=1) / 343
                    samples = part.stop - part.start
                    audio[:, part] += _delayed(delays, samples, seed=10 * source + frame)
        (name,) = recording.files
        soundfile.write(table.parent / name, audio.T, RATE, subtype="FLOAT")
