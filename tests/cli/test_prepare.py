"""`sslbench datasets prepare` and the commands after it, on a miniature of LuViRA."""

import numpy as np
import pytest

from helpers.luvira_files import RATE, markers, track, truth_file, tsv, write_recording
from helpers.wav_files import wav_bytes


@pytest.fixture
def data(tmp_path):
    """Write the two test recordings of LuViRA where the commands look for them."""
    folder = tmp_path / "data" / "luvira"
    for name in ("music3", "speech3"):
        write_recording(folder, name, rate=RATE)
    return folder


def test_prepare_prints_what_was_found_and_what_is_assumed(sslbench, data):
    code, out, _ = sslbench("datasets", "prepare", "luvira")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "luvira:test (smoke): 2 recordings are ready"
    assert "  speech3: the motion capture starts at 0.1000 s of the audio" in lines
    assert any(line.startswith("  assumed: silent frames are 20 dB") for line in lines)


def test_prepare_reports_the_data_set_below_an_alteration(sslbench, data):
    out = sslbench("datasets", "prepare", "luvira+mics[n=5]:music")[1]
    assert out.startswith(
        "luvira+mics[n=5]:music (smoke): 1 recordings are ready\n  music3: tracks"
    )


def test_prepare_prepares_every_split_if_asked_to(sslbench):
    code, out, _ = sslbench("datasets", "prepare", "feng2025-l1", "--all-splits")
    assert code == 0
    assert [line.partition(" ")[0] for line in out.splitlines()] == [
        "feng2025-l1:train",
        "feng2025-l1:validation",
        "feng2025-l1:test",
    ]


@pytest.fixture(autouse=True)
def few_scenes(small):
    """Let the simulated data set have few scenes."""


def test_a_method_runs_on_the_prepared_recordings(sslbench, data):
    code, out, err = sslbench("run", "-m", "srp-phat[grid=0.5]", "-d", "luvira")
    assert code == 0, err
    assert "luvira:test" in out or "luvira" in out
    assert "runs now" not in err


def test_times_are_those_of_the_frames_that_are_requested(sslbench, data):
    lines = sslbench("datasets", "times", "luvira:speech")[1].splitlines()
    assert lines[:2] == ["recording,time", "speech3,0.192"]
    assert len(lines) == 7


DAMAGES = {
    "a missing track": (lambda at: track(at, 7).unlink(), "music3 has no track 7"),
    "a track of another length": (
        lambda at: track(at, 7).write_bytes(wav_bytes(np.ones(9), RATE)),
        "Track 7.wav: 9 samples at 96000 Hz",
    ),
    "a track of another rate": (
        lambda at: track(at, 7).write_bytes(wav_bytes(np.ones(RATE), 48000)),
        "Track 7.wav: 96000 samples at 48000 Hz",
    ),
    "other marker names": (
        lambda at: truth_file(at).write_text(tsv(markers(name="M{}{}"))),
        "no marker of microphone 1",
    ),
    "no ground truth": (lambda at: truth_file(at).unlink(), "music3 has no ground truth"),
    "a source outside the room": (
        lambda at: truth_file(at).write_text(
            tsv(markers() | {"speaker": np.full((100, 3), 3.0) + np.arange(100)[:, None] / 100})
        ),
        "music3: the source leaves the room",
    ),
    "no microphone 4": (lambda at: track(at, 4).unlink(), "music3 has no track 4"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_recordings_are_refused_with_exit_code_4(sslbench, data, damage):
    spoil, message = DAMAGES[damage]
    spoil(data)
    code, _, err = sslbench("datasets", "prepare", "luvira")
    assert code == 4
    assert message in err
    assert "Traceback" not in err


def test_a_run_on_damaged_recordings_exits_with_4_and_saves_no_result(sslbench, data, tmp_path):
    track(data, 7).unlink()
    code, _, err = sslbench("run", "-m", "room-centre", "-d", "luvira")
    assert code == 4
    assert "music3 has no track 7" in err
    assert not list(tmp_path.glob("store/runs/*"))
