"""Damaged or unsuitable files of the DCASE data sets: each is an error that names file and line."""

import pytest

from helpers.dcase_files import FRAMES, INTERVALS, audio, opened, write
from sslbench.errors import FormatError, MissingDataError, ParameterError

NAME = "fold1_room1_mix001_ov2"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("5,6,0,-30,10\n4,6,0,-30,10\n", r"line 2.*frame 4 after frame 5"),
        ("1,6,0,-30,10\n1,6,0,-31,10\n", r"line 2.*event 6/0 \(class/number\) 2 times"),
        ("1,6,0,0,0\n1,6,1,9,0\n1,7,2,5,0\n", r"line 3.*frame 1 has 3 events.*at most 2"),
        ("1,6,0,181,10\n", r"line 1.*azimuth 181.*-180 to 180"),
        ("1,6,0,10,-91\n", r"line 1.*elevation -91.*-90 to 90"),
        ("1,6,0,10\n", r"line 1.*4 cells.*5: frame, class, event number, azimuth, elevation"),
        ("1,6,0,10,0,200\n", r"line 1.*6 cells.*another release"),
        ("1,6,0,ten,0\n", r"line 1.*ten.*integers"),
        ("1,6,0,nan,0\n", r"line 1.*nan.*integers"),
        ("-1,6,0,10,0\n", r"line 1.*0 or more"),
        ("", r"csv.*has no rows"),
        (INTERVALS, r"line 1.*6 cells"),
        ("12,6,0,10,0\n", r"labels up to frame 12, but the audio has 10 frames"),
    ],
)
def test_damaged_labels(tmp_path, labels, message):
    write(tmp_path, NAME, labels)
    dataset = opened(tmp_path)
    with pytest.raises(FormatError, match=rf"(?s){message}"):
        dataset.scene(0)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (FRAMES, r"line 1.*columns 0, 6, 0, -30, 10.*sound_event_recording"),
        ("", r"line 1.*columns none"),
        (INTERVALS + "a.wav,0.5,0.2,0,0,1\n", r"line 4.*from 0.5 to 0.2 s.*start < end"),
        (INTERVALS + "a.wav,0.5,x,0,0,1\n", r"line 4.*five numbers"),
        (INTERVALS + "a.wav,0.5,0.9\n", r"line 4.*five numbers"),
        (INTERVALS + "a.wav,0.2,0.9,0,300,1\n", r"line 4.*azimuth 300"),
    ],
)
def test_damaged_labels_of_2019(tmp_path, labels, message):
    write(tmp_path, "split1_ir0_ov2_1", labels, rate=48000)
    dataset = opened(tmp_path, "tau-sse-2019")
    with pytest.raises(FormatError, match=rf"(?s){message}"):
        dataset.scene(0)


@pytest.mark.parametrize("read", [lambda d: d.scene(0), lambda d: d.window(0, slice(0, 2))])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": audio(channels=2)}, "2 channels"),
        ({"rate": 48000}, "48000 Hz"),
        ({"samples": audio(seconds=3.0)}, r"is 3\.0 s long.*expected: 1 s"),
    ],
)
def test_unsuitable_audio(tmp_path, read, options, message):
    write(tmp_path, NAME, **options)
    with pytest.raises(FormatError, match=rf"(?s){message}"):
        read(opened(tmp_path))


def test_recordings_without_labels_are_an_error(tmp_path):
    _, labels = write(tmp_path, NAME)
    labels.unlink()
    with pytest.raises(MissingDataError, match=rf"{NAME}\.csv"):
        opened(tmp_path).scene(0)


def test_a_truncated_file_is_an_error(tmp_path):
    sound, _ = write(tmp_path, NAME)
    sound.write_bytes(sound.read_bytes()[:5000])
    with pytest.raises(FormatError, match="truncated"):
        opened(tmp_path).scene(0)


def test_a_name_without_a_fold_is_an_error(tmp_path):
    write(tmp_path, "mix001")
    with pytest.raises(FormatError, match="does not give fold and room"):
        opened(tmp_path)


def test_more_mixtures_than_pairs_are_an_error(tmp_path):
    for number in range(3):
        write(tmp_path, f"fold3_room1_mix{number}_ov1")
    with pytest.raises(ParameterError, match=r"(?s)augment=4, but there are 3 pairs.*at most 3"):
        opened(tmp_path, split="train", augment=4)
