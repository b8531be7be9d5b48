"""Audio is read as it is, and refused where it cannot be trusted."""

import struct

import numpy as np
import pytest
import soundfile

from sslbench.datasets.formats.audio_files import read_audio
from sslbench.errors import FormatError, MissingDataError

RATE = 16000
SOUND = np.linspace(-0.5, 0.5, 300, dtype=np.float32).reshape(100, 3)


def wav_bytes(samples, *, rate=8000, promised=None):
    """Write a 16-bit wav byte by byte, whatever size its header is to promise."""
    data = np.asarray(samples, "<i2")
    channels = data.shape[1]
    size = data.nbytes if promised is None else promised
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * 2, 2 * channels, 16)
    body = b"WAVE" + header + struct.pack("<4sI", b"data", size) + data.tobytes()
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def test_reads_a_wav_written_byte_by_byte(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes([[16384, -32768], [0, 8192]]))
    audio, rate = read_audio(path)
    assert rate == 8000
    assert audio.dtype == np.float32
    assert audio.tolist() == [[0.5, 0.0], [-1.0, 0.25]]


def test_reads_flac(tmp_path):
    soundfile.write(tmp_path / "a.flac", SOUND, RATE, subtype="PCM_24")
    audio, _ = read_audio(tmp_path / "a.flac", channels=3, sample_rate=RATE)
    np.testing.assert_allclose(audio, SOUND.T, atol=2e-7)


def test_joins_files_into_one_recording(tmp_path):
    paths = [tmp_path / f"{name}.wav" for name in "abc"]
    for path, channel in zip(paths, SOUND.T, strict=True):
        soundfile.write(path, channel, RATE, subtype="FLOAT")
    audio, _ = read_audio(paths, channels=3)
    np.testing.assert_array_equal(audio, SOUND.T)


def test_size_that_a_pipe_left_unknown_is_no_truncation(tmp_path):
    path = tmp_path / "piped.wav"
    path.write_bytes(wav_bytes([[1, 2], [3, 4]], promised=0xFFFFFFFF))
    assert read_audio(path)[0].shape == (2, 2)


def test_converts_the_sample_rate_when_asked(tmp_path):
    time = np.arange(48000) / 48000
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", tone, 48000, subtype="FLOAT")
    audio, rate = read_audio(tmp_path / "a.wav", sample_rate=RATE, convert=True)
    assert (rate, audio.shape) == (RATE, (1, RATE))
    wanted = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    np.testing.assert_allclose(audio[0, 100:-100], wanted[100:-100], atol=1e-3)


def refusal(path, **wanted):
    with pytest.raises(FormatError) as caught:
        read_audio(path, **wanted)
    assert str(path) in caught.value.where
    assert caught.value.expected
    return str(caught.value)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"gone\.wav: there is no such audio file"):
        read_audio(tmp_path / "gone.wav")


def test_truncated_wav_is_refused(tmp_path):
    path = tmp_path / "cut.wav"
    path.write_bytes(wav_bytes(np.ones((100, 2)))[:-80])
    message = refusal(path)
    assert "truncated: it promises 400 bytes of samples and holds 320" in message
    assert "copy or download it again" in message


def test_truncated_flac_is_refused(tmp_path):
    path = tmp_path / "cut.flac"
    noise = np.random.default_rng(0).uniform(-1, 1, (20000, 2))
    soundfile.write(path, noise, RATE)
    path.write_bytes(path.read_bytes()[:30000])
    refusal(path)


def test_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.wav"
    path.write_bytes(b"")
    assert "is an empty file" in refusal(path)


def test_wav_without_samples_is_refused(tmp_path):
    path = tmp_path / "none.wav"
    path.write_bytes(wav_bytes(np.zeros((0, 2))))
    assert "holds no samples" in refusal(path)


def test_something_else_is_refused(tmp_path):
    path = tmp_path / "text.wav"
    path.write_text("I am no audio at all, whatever my name says.")
    assert "cannot be read as audio" in refusal(path)


def test_folder_is_refused(tmp_path):
    assert "cannot be read as audio" in refusal(tmp_path)


def test_silence_is_refused(tmp_path):
    soundfile.write(tmp_path / "quiet.wav", np.zeros((50, 2)), RATE)
    assert "is silent" in refusal(tmp_path / "quiet.wav")


def test_values_that_are_no_numbers_are_placed(tmp_path):
    broken = SOUND.copy()
    broken[16, 1] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken, RATE, subtype="FLOAT")
    message = refusal(tmp_path / "nan.wav")
    assert "1 samples are not finite, first in channel 1 at 0.001 s" in message


def test_other_sample_rate_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", SOUND, 44100)
    message = refusal(tmp_path / "a.wav", sample_rate=RATE)
    assert "sample rate 44100 Hz" in message
    assert "16000 Hz" in message


def test_other_number_of_channels_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", SOUND, RATE)
    message = refusal(tmp_path / "a.wav", channels=4)
    assert "3 channels" in message
    assert "expected: 4, one for each microphone" in message


def test_files_of_one_recording_that_differ_are_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", SOUND[:, 0], RATE)
    soundfile.write(tmp_path / "b.wav", SOUND[:90, 0], RATE)
    with pytest.raises(FormatError, match=r"b\.wav: 90 samples at 16000 Hz\n.*100 at 16000 Hz"):
        read_audio([tmp_path / "a.wav", tmp_path / "b.wav"])
