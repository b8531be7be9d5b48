"""Errors of the loader of LuViRA for missing and damaged files, and for invalid parameters."""

import shutil
import zipfile

import numpy as np
import pytest
import soundfile

from helpers.luvira_files import RATE, markers, opened, track, truth_file, tsv
from helpers.wav_files import wav_bytes
from sslbench.errors import FormatError, MissingDataError, ParameterError, UnknownNameError

NOISE = np.random.default_rng(1).integers(-1000, 1000, RATE)


def folder(root):
    return root / "audio_only" / "music0003"


def refused(root, kind, match, **params):
    """Return the error with which the recording is refused when it is read."""
    with pytest.raises(kind, match=match) as caught:
        opened(root, **params).scene(0)
    return caught.value


def rewrite(root, **changes):
    """Write the ground truth with other markers: None removes one, an array replaces it."""
    points = markers() | {name: xyz for name, xyz in changes.items() if xyz is not None}
    kept = {name: xyz for name, xyz in points.items() if changes.get(name, xyz) is not None}
    truth_file(root).write_text(tsv(kept))


def test_the_error_for_missing_data_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SSLBENCH_DATA", str(tmp_path))
    with pytest.raises(MissingDataError) as caught:
        opened(None, tmp_path)
    text = str(caught.value)
    for part in (
        str(tmp_path / "luvira"),
        "http://download.eit.lth.se/LuViRA_dataset/",
        "Audio_only.zip and Ground_truth_raw.zip",
        "SSLBENCH_DATA=DIR sslbench datasets prepare luvira",
        "--dataset luvira-sim",
    ):
        assert part in text


def test_a_folder_without_recordings_is_reported(tmp_path):
    with pytest.raises(MissingDataError, match="luvira is not in this folder"):
        opened(tmp_path)


def test_recordings_that_a_split_needs_are_named(broken):
    with pytest.raises(MissingDataError, match="has no tracks of speech3") as caught:
        opened(broken, split="test")
    assert caught.value.expected.endswith("there is music3")


def test_an_unknown_split_is_an_error(hall):
    with pytest.raises(UnknownNameError, match="luvira has no split 'dev'"):
        opened(hall, split="dev")


def test_a_missing_track_is_reported(broken):
    track(broken, 7).unlink()
    error = refused(broken, MissingDataError, "music3 has no track 7")
    assert error.where == str(folder(broken))
    assert "'Track 7.wav'; there are the tracks 1, 2, 3, 4, 5, 6, 8" in error.expected


def test_a_recording_without_microphone_4_is_an_error_that_names_the_parameter(broken):
    track(broken, 4).unlink()
    assert "without=NUMBER" in refused(broken, MissingDataError, "has no track 4").hint
    rewrite(broken, mic4a=None, mic4b=None)
    refused(broken, MissingDataError, "has no track 4")
    assert opened(broken, without="4").scene(0).recording.array.channels == 10


def test_a_missing_track_of_the_source_is_reported(broken):
    track(broken, 12).unlink()
    hint = refused(broken, MissingDataError, "music3 has no track 12").hint
    assert "source_track=0" in hint


@pytest.mark.parametrize("name", ["reference", "companion"])
def test_what_needs_the_track_of_the_source_is_refused_without(name, hall):
    with pytest.raises(ParameterError, match=f"{name}=true: the source has no track"):
        opened(hall, source_track=0, **{name: True})


def test_a_missing_sync_track_is_reported_with_the_parameter(broken):
    (folder(broken) / "Sync.wav").unlink()
    error = refused(broken, MissingDataError, r"music3 has no Sync\.wav")
    assert "sync=SECONDS" in error.hint


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (wav_bytes(NOISE[:-5], RATE), "95995 samples at 96000 Hz"),
        (wav_bytes(NOISE, 48000), "96000 samples at 48000 Hz"),
        (wav_bytes(NOISE, 8000), "96000 samples of 1 channels, 8000 Hz"),
        (wav_bytes(NOISE.reshape(-1, 2), RATE), "48000 samples of 2 channels, 96000 Hz"),
        (wav_bytes(0 * NOISE, RATE), "is silent"),
        (wav_bytes([], RATE), "0 samples of 1 channels"),
        (wav_bytes(NOISE[:100], RATE, announced=2 * RATE), "is truncated"),
        (b"", "is an empty file"),
        (b"what is this?", "cannot be read as audio"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_damaged_track_is_reported_with_its_path(broken, content, text, zipped):
    expected = str(track(broken, 7))
    track(broken, 7).write_bytes(content)
    if zipped:
        shutil.make_archive(str(broken / "Audio_only"), "zip", broken, "audio_only")
        shutil.rmtree(broken / "audio_only")
        expected = f"{broken}/Audio_only.zip/audio_only/music0003/Track 7.wav"
    error = refused(broken, FormatError, text)
    assert error.where == expected
    assert not list(broken.glob("cache/luvira/*/*"))


def test_nan_samples_are_an_error(broken):
    soundfile.write(track(broken, 7), np.full(RATE, np.nan), RATE, subtype="FLOAT")
    refused(broken, FormatError, r"Track 7\.wav: has NaN or infinite samples")


@pytest.mark.parametrize("level", [0, 5000])
def test_a_constant_sync_track_is_an_error(broken, level):
    (folder(broken) / "Sync.wav").write_bytes(wav_bytes(np.full(RATE, level), RATE))
    assert "sync=SECONDS" in refused(broken, FormatError, r"Sync\.wav: has no edge").hint


def test_a_start_after_the_end_of_the_tracks_is_an_error(broken):
    refused(broken, FormatError, "the motion capture starts at 1.5 s", sync="1.5")


def test_a_recording_without_a_ground_truth_file_is_an_error(broken):
    truth_file(broken).unlink()
    error = refused(broken, MissingDataError, "music3 has no ground truth")
    assert error.expected == r"a file music0003.tsv"
    assert "Ground_truth_raw.zip" in error.hint


def test_another_kind_of_ground_truth_that_exists_is_suggested(broken):
    file = truth_file(broken)
    file.rename(file.with_name("music0003_6D.tsv"))
    hint = refused(broken, MissingDataError, "has no ground truth").hint
    assert "ground_truth=6d" in hint
    error = refused(broken, MissingDataError, "music3 has no markers", ground_truth="6d")
    assert "microphones=published" in error.hint


def test_a_recording_whose_source_was_never_captured_is_an_error(broken):
    rewrite(broken, speaker=np.zeros((100, 3)))
    refused(broken, FormatError, r"music0003\.tsv: has no ground truth: the source is missing")


def test_a_recording_without_ground_truth_in_its_frames_is_an_error(broken):
    points = np.full((100, 3), np.nan)
    points[-1] = 0.5, 0.2, 1.0
    rewrite(broken, speaker=points)
    refused(broken, FormatError, "music3: has no ground truth: the source is missing in all 7 fr")


def test_a_recording_whose_frames_are_all_silent_or_not_captured_is_an_error(broken):
    points = markers()["speaker"]
    points[15:] = np.nan
    rewrite(broken, speaker=points)
    error = refused(broken, FormatError, "music3: has no frame that is not silent", sync="start")
    assert "1 frames are silent (`silence_db`)" in error.hint


def test_a_recording_that_is_too_short_for_validation_is_an_error(tmp_path, hall):
    for n in (1, 2, 4):
        for kind in ("music", "speech"):
            name = f"{kind}000{n}"
            shutil.copytree(hall / "audio_only" / "music0003", tmp_path / "audio_only" / name)
            truth_file(tmp_path, name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(truth_file(hall), truth_file(tmp_path, name))
    refused(tmp_path, FormatError, "music1-validation: is shorter than a frame", split="validation")


def test_other_marker_names_are_listed_with_the_parameter(broken):
    truth_file(broken).write_text(tsv(markers(name="M{}-{}")))
    error = refused(broken, FormatError, r"no marker of microphone 1: no name is like mic#\*")
    assert "M1-a, M1-b, M2-a" in error.expected
    assert "`markers=PATTERN`" in error.hint


def test_another_name_of_the_source_is_listed_with_the_parameter(broken):
    rewrite(broken, speaker=None, box=markers()["speaker"])
    error = refused(broken, FormatError, r"no marker of the source: no name is like speaker\*")
    assert error.expected.endswith("box")
    assert "`source=PATTERN`" in error.hint


@pytest.mark.parametrize(
    ("changes", "text"),
    [({"mic3b": None}, "markers mic3a"), ({"mic3c": np.ones((100, 3))}, "mic3a, mic3b, mic3c")],
)
def test_another_number_of_markers_per_microphone_is_an_error(broken, changes, text):
    rewrite(broken, **changes)
    assert text in refused(broken, FormatError, "microphone 3 has the markers").what


def test_markers_that_are_never_captured_are_an_error(broken):
    rewrite(broken, mic3b=np.zeros((100, 3)))
    hint = refused(broken, FormatError, "mic3a and mic3b are never captured together").hint
    assert "without=3" in hint


def test_a_trajectory_that_leaves_the_room_is_an_error(broken):
    points = markers()["speaker"]
    points[50, 2] = 2.5
    rewrite(broken, speaker=points)
    error = refused(broken, FormatError, "music3: the source leaves the room at 0.60 s")
    assert "(0.10, 0.05, 2.50) m" in error.what
    assert "(-3.6, -4.5, 0.0) to (3.4, 3.5, 2.0)" in error.expected
    assert opened(broken, room_margin=0.6).scene(0).recording.region.high == (4.0, 4.1, 2.6)


def test_positions_outside_the_room_before_and_after_the_audio_do_not_count(broken):
    points = markers()["speaker"]
    points[-5:, 2] = 2.5
    rewrite(broken, speaker=points)
    assert len(opened(broken).scene(0).recording.times)


def test_a_microphone_outside_the_room_is_an_error(broken):
    points = markers()
    rewrite(broken, mic2a=points["mic2a"] + 4, mic2b=points["mic2b"] + 4)
    refused(broken, FormatError, r"a microphone is outside the room, at \(6\.88, 3\.35, 5\.05\) m")


def test_a_damaged_ground_truth_is_reported_with_its_path(broken):
    text = truth_file(broken).read_text()
    truth_file(broken).write_text(text[:-300])
    assert refused(broken, FormatError, "cells").where.startswith(str(truth_file(broken)))


def test_a_damaged_zip_file_is_reported(broken):
    (broken / "Audio_only.zip").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(FormatError, match=r"Audio_only\.zip: cannot be unpacked") as caught:
        opened(broken)
    assert caught.value.hint == "download it again"


def test_a_damaged_member_of_a_zip_file_is_reported(broken):
    archive = broken / "Audio_only.zip"
    with zipfile.ZipFile(archive, "w") as opened_:
        opened_.write(track(broken, 7), "audio_only/music0003/Track 7.wav")
    track(broken, 7).unlink()
    content = bytearray(archive.read_bytes())
    content[5000] ^= 255
    archive.write_bytes(content)
    refused(broken, FormatError, r"Track 7\.wav: cannot be unpacked: Bad CRC")


def test_a_damaged_ground_truth_in_a_zip_file_is_reported(broken):
    archive = broken / "Ground_truth_raw.zip"
    with zipfile.ZipFile(archive, "w") as opened_:
        opened_.write(truth_file(broken), "raw/3D/music0003.tsv")
    truth_file(broken).unlink()
    content = bytearray(archive.read_bytes())
    content[5000] ^= 255
    archive.write_bytes(content)
    with pytest.raises(FormatError, match=r"music0003\.tsv: cannot be unpacked: Bad CRC"):
        opened(broken).fingerprint()


def test_a_file_that_exists_twice_is_an_error(broken):
    shutil.copytree(folder(broken), broken / "music3")
    with pytest.raises(FormatError, match=r"Sync\.wav exists twice|Track \d+\.wav exists twice"):
        opened(broken)


@pytest.mark.parametrize(
    ("params", "text", "expected"),
    [
        ({"sync": "first"}, "sync=first is not allowed", "edge, start, or a number of seconds"),
        ({"sync": "-1"}, "sync=-1 is not allowed", "edge, start, or a number of seconds"),
        ({"tracks": "1-"}, "tracks=1- is not allowed", "1-4+7"),
        ({"tracks": "4-1"}, "tracks=4-1 is not allowed", "1-4+7"),
        ({"tracks": "1-12"}, "tracks=1-12 is not allowed", "each track once, and not 12"),
        ({"tracks": "1-5+5"}, "tracks=1-5+5 is not allowed", "each track once"),
        ({"without": "12"}, "without=12 is not allowed", "numbers from 1 to 11"),
        ({"without": "1-8"}, "3 microphones are left", "at least 4"),
        ({"tracks": "1-3"}, "3 microphones are left", "at least 4"),
        (
            {"tracks": "1-11+13", "microphones": "published"},
            "tracks=1-11+13 is not allowed",
            "at most 11",
        ),
    ],
)
def test_an_invalid_parameter_is_reported(hall, params, text, expected):
    with pytest.raises(ParameterError) as caught:
        opened(hall, **params)
    assert text in caught.value.what
    assert expected in caught.value.expected
