"""Reading audio files, and errors for damaged or unsuitable ones."""

import numpy as np
import pytest
import soundfile

from helpers.wav_files import wav_bytes
from sslbench.datasets.formats.audio_files import read_audio
from sslbench.errors import FormatError, MissingDataError

RATE = 16000
AUDIO = np.linspace(-0.5, 0.5, 300, dtype=np.float32).reshape(100, 3)


def test_a_wav_file_is_read(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes([[16384, -32768], [0, 8192]], 8000))
    audio, rate = read_audio(path)
    assert rate == 8000
    assert audio.dtype == np.float32
    assert audio.tolist() == [[0.5, 0.0], [-1.0, 0.25]]


def test_a_flac_file_is_read(tmp_path):
    soundfile.write(tmp_path / "a.flac", AUDIO, RATE, subtype="PCM_24")
    audio, _ = read_audio(tmp_path / "a.flac", channels=3, sample_rate=RATE)
    np.testing.assert_allclose(audio, AUDIO.T, atol=2e-7)


def test_files_are_joined_into_one_recording(tmp_path):
    paths = [tmp_path / f"{name}.wav" for name in "abc"]
    for path, channel in zip(paths, AUDIO.T, strict=True):
        soundfile.write(path, channel, RATE, subtype="FLOAT")
    audio, _ = read_audio(paths, channels=3)
    np.testing.assert_array_equal(audio, AUDIO.T)


def test_a_file_from_a_pipe_with_unknown_size_is_not_truncated(tmp_path):
    path = tmp_path / "piped.wav"
    path.write_bytes(wav_bytes([[1, 2], [3, 4]], 8000, announced=0xFFFFFFFF))
    assert read_audio(path)[0].shape == (2, 2)


def error_message(path, **expected):
    with pytest.raises(FormatError) as caught:
        read_audio(path, **expected)
    assert str(path) in caught.value.where
    assert caught.value.expected
    return str(caught.value)


def test_a_missing_file_is_reported_with_its_path(tmp_path):
    with pytest.raises(MissingDataError, match=r"gone\.wav: file not found"):
        read_audio(tmp_path / "gone.wav")


def test_a_truncated_wav_file_is_an_error(tmp_path):
    path = tmp_path / "cut.wav"
    path.write_bytes(wav_bytes(np.ones((100, 2)), 8000)[:-80])
    message = error_message(path)
    assert "its header announces 400 bytes of samples, but it contains 320" in message
    assert "copy or download it again" in message


def test_a_truncated_flac_file_is_an_error(tmp_path):
    path = tmp_path / "cut.flac"
    noise = np.random.default_rng(0).uniform(-1, 1, (20000, 2))
    soundfile.write(path, noise, RATE)
    path.write_bytes(path.read_bytes()[:30000])
    error_message(path)


def test_an_empty_file_is_an_error(tmp_path):
    path = tmp_path / "empty.wav"
    path.write_bytes(b"")
    assert "is an empty file" in error_message(path)


def test_a_file_without_samples_is_an_error(tmp_path):
    path = tmp_path / "none.wav"
    path.write_bytes(wav_bytes(np.zeros((0, 2)), 8000))
    assert "contains no samples" in error_message(path)


def test_a_file_that_is_not_audio_is_an_error(tmp_path):
    path = tmp_path / "text.wav"
    path.write_text("This is a text file.")
    assert "cannot be read as audio" in error_message(path)


def test_a_folder_is_an_error(tmp_path):
    assert "cannot be read as audio" in error_message(tmp_path)


def test_a_silent_file_is_an_error(tmp_path):
    soundfile.write(tmp_path / "quiet.wav", np.zeros((50, 2)), RATE)
    assert "is silent" in error_message(tmp_path / "quiet.wav")


def test_nan_samples_are_reported_with_channel_and_time(tmp_path):
    broken = AUDIO.copy()
    broken[16, 1] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken, RATE, subtype="FLOAT")
    message = error_message(tmp_path / "nan.wav")
    assert "1 samples are not finite, first in channel 1 at 0.001 s" in message


def test_another_sample_rate_is_an_error(tmp_path):
    soundfile.write(tmp_path / "a.wav", AUDIO, 44100)
    message = error_message(tmp_path / "a.wav", sample_rate=RATE)
    assert "sample rate 44100 Hz" in message
    assert "16000 Hz" in message


def test_another_number_of_channels_is_an_error(tmp_path):
    soundfile.write(tmp_path / "a.wav", AUDIO, RATE)
    message = error_message(tmp_path / "a.wav", channels=4)
    assert "3 channels" in message
    assert "expected: 4, one for each microphone" in message


def test_files_of_one_recording_with_different_lengths_are_an_error(tmp_path):
    soundfile.write(tmp_path / "a.wav", AUDIO[:, 0], RATE)
    soundfile.write(tmp_path / "b.wav", AUDIO[:90, 0], RATE)
    with pytest.raises(
        FormatError, match=r"b\.wav: 90 samples at 16000 Hz\n.*100 samples at 16000"
    ):
        read_audio([tmp_path / "a.wav", tmp_path / "b.wav"])
