"""Windows of long recordings: the same frames, from a part of the file, in little memory."""

import json
import subprocess
import sys
import textwrap
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from helpers.world_scenes import Walk
from sslbench.contracts import DatasetRequest, Windowing
from sslbench.datasets.real.recordings import Recordings
from sslbench.datasets.windows import NoScenes, Windows

ARRAY = """
microphones: [[0, 0, 1], [4, 0, 1], [4, 3, 1], [0, 3, 2]]
search: {min: [0, 0, 0], max: [4, 3, 2]}
"""


def request(split="test"):
    return DatasetRequest(split, "smoke", {}, None, Path("cache"))


def opened(folder, frame=0.16):
    params = {"root": str(folder), "frame": frame}
    return Recordings(DatasetRequest("test", "paper", params, None, Path("cache")))


@pytest.fixture
def folder(tmp_path):
    """Write a folder with one recording of four channels and a source at every time."""

    def write(times, rate, samples, audio=None):
        (tmp_path / "array.yaml").write_text(ARRAY)
        rows = [f"a.wav,{float(time)!r},1,1,1" for time in times]
        (tmp_path / "truth.csv").write_text("\n".join(["file,time_s,x,y,z", *rows]) + "\n")
        if audio is None:
            audio = np.random.default_rng(0).uniform(-0.5, 0.5, (samples, 4))
        soundfile.write(tmp_path / "a.wav", audio.astype(np.float32), rate, subtype="FLOAT")
        return tmp_path

    return write


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rate=st.sampled_from([8000, 11025, 16000, 44100]),
    hop=st.integers(40, 300),
    offset=st.integers(0, 400),
    frame=st.integers(1, 900),
    rows=st.tuples(st.integers(0, 11), st.integers(1, 12)),
    context=st.sampled_from([0.0, 0.001, 0.02, 1.0]),
)
def test_a_window_of_a_file_has_the_frames_of_the_recording(
    folder, rate, hop, offset, frame, rows, context
):
    times = (offset + hop * np.arange(12)) / (2 * rate)
    data = opened(folder(times, rate, 2400), max(frame / (2 * rate), 0.001))
    part = slice(rows[0], rows[0] + rows[1])
    window = data.window(0, part, context)
    assert_array_equal(window.recording.frames(), data.scene(0).recording.frames()[part])


def test_a_window_of_a_file_has_id_and_ground_truth_of_the_recording(folder):
    data = opened(folder(0.1 * np.arange(1, 10), 8000, 8000))
    whole, window = data.scene(0), data.window(0, slice(3, 6))
    assert window.recording.id == whole.recording.id
    assert_array_equal(window.truth.tracks.xyz, whole.truth.tracks.xyz[3:6])
    assert window.recording.max_sources == whole.recording.max_sources


def test_only_the_part_of_a_window_is_read(folder, monkeypatch):
    data = opened(folder(0.1 * np.arange(1, 100), 8000, 80000), 0.2)
    counts = []
    read = soundfile.SoundFile.read

    def counting(self, frames=-1, *given, **options):
        found = read(self, frames, *given, **options)
        counts.append(len(found))
        return found

    monkeypatch.setattr(soundfile.SoundFile, "read", counting)
    data.window(0, slice(50, 52), 0.1)
    # Two frames of 0.2 s every 0.1 s, with 0.1 s of context on both sides.
    (count,) = counts
    assert 0.5 * 8000 <= count <= 0.5 * 8000 + 8


def test_a_window_of_several_mono_files_has_their_channels(folder):
    root = folder(0.1 * np.arange(1, 10), 8000, 8000)
    audio, _ = soundfile.read(root / "a.wav", dtype="float32")
    for number, channel in enumerate(audio.T):
        soundfile.write(root / f"{number}.wav", channel, 8000, subtype="FLOAT")
    table = (root / "truth.csv").read_text().replace("a.wav", "0.wav;1.wav;2.wav;3.wav")
    (root / "truth.csv").write_text(table)
    data = opened(root)
    window = data.window(0, slice(4, 8)).recording
    assert_array_equal(window.frames(), data.scene(0).recording.frames()[4:8])


def test_windows_are_scenes_of_equal_length():
    windows = Windows(Walk(request()), Windowing(rows=16))
    assert len(windows) == 6
    assert [windows.truth(index)[0] for index in range(3)] == ["walk-0@0", "walk-0@16", "walk-1@0"]
    assert {len(windows.scene(index).recording.times) for index in range(6)} == {16}


def test_windows_overlap_by_their_hop():
    inner = Walk(request())
    windows = Windows(inner, Windowing(rows=16, hop=8))
    assert len(windows) == 12
    second = windows.scene(1)
    assert second.recording.id == "walk-0@8"
    assert_array_equal(second.recording.frames(), inner.scene(0).recording.frames()[8:24])
    assert_array_equal(second.truth.tracks.active, inner.scene(0).truth.tracks.active[8:24])


def test_the_ground_truth_of_a_window_is_that_of_its_scene():
    windows = Windows(Walk(request()), Windowing(rows=16))
    for index in (0, 1):
        name, truth = windows.truth(index)
        scene = windows.scene(index)
        assert name == scene.recording.id
        assert_array_equal(truth.tracks.xyz, scene.truth.tracks.xyz)
        assert_array_equal(truth.tracks.active, scene.truth.tracks.active)


def test_recordings_that_are_shorter_than_a_window_are_left_out():
    assert len(Windows(Walk(request()), Windowing(rows=41))) == 0


def test_the_fingerprint_of_windows_depends_on_their_length():
    inner = Walk(request())
    prints = [
        Windows(inner, windowing).fingerprint()
        for windowing in (Windowing(rows=8), Windowing(rows=9), Windowing(rows=8, context=0.1))
    ]
    assert len({inner.fingerprint(), *prints}) == 4


def test_a_data_set_without_scenes_is_empty():
    data = NoScenes(request("train"))
    assert len(data) == 0
    assert len(data.fingerprint()) == 64
    with pytest.raises(IndexError):
        data.scene(0)


HOUR = """
    import json, sys
    import psutil
    from pathlib import Path
    from helpers import world
    from sslbench.contracts import DatasetRequest
    from sslbench.datasets.real.recordings import Recordings
    from sslbench.running.cost import measured
    from sslbench.running.inference import run_inference
    from sslbench.cell import Cell, Choice
    from sslbench.specs import MethodSpec

    registry = world.make_registry()
    spec = registry.find(MethodSpec, "loudness").spec
    params = {"root": sys.argv[1], "frame": 0.5}
    data = Recordings(DatasetRequest("test", "paper", params, None, Path("cache")))
    cell = Cell(Choice("loudness"), Choice("recordings"), "test", "paper")
    with measured() as idle:
        pass
    with measured() as busy:
        made = run_inference(cell, spec, world.Loudness(), data)
    (prediction,) = made.predictions.values()
    print(json.dumps({
        "idle_mib": idle.peak_ram_mb,
        "peak_mib": busy.peak_ram_mb,
        "resident_mib": psutil.Process().memory_info().rss / 2**20,
        "frames": len(prediction.tracks.times),
        "active": int(prediction.tracks.active.sum()),
        "windows": len(world.Loudness.windows),
    }))
"""


@pytest.mark.slow
def test_an_hour_of_four_channels_is_processed_in_less_than_a_gibibyte(tmp_path):
    rate, seconds = 16000, 3600
    noise = np.random.default_rng(0).integers(-9000, 9000, (rate, 4), dtype=np.int16)
    with wave.open(str(tmp_path / "hour.wav"), "wb") as file:
        file.setnchannels(4)
        file.setsampwidth(2)
        file.setframerate(rate)
        for _ in range(seconds):
            file.writeframesraw(noise.tobytes())
    times = 0.5 * np.arange(1, 2 * seconds)
    rows = "".join(f"hour.wav,{time},1,1,1\n" for time in times)
    (tmp_path / "truth.csv").write_text("file,time_s,x,y,z\n" + rows)
    (tmp_path / "array.yaml").write_text(ARRAY)
    command = [sys.executable, "-c", textwrap.dedent(HOUR), str(tmp_path)]
    tests = str(Path(__file__).resolve().parents[1])
    path = [tests, *(entry for entry in sys.path if entry)]
    environment = {"PYTHONPATH": ":".join(path), "PATH": "", "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["frames"] == found["active"] == len(times)
    assert found["windows"] == 60
    assert found["peak_mib"] < 1024, found
