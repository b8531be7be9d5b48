"""Errors of the loader of Libri-adhoc40 for missing and damaged files."""

import shutil

import numpy as np
import pytest
import soundfile

from helpers.libri_adhoc40_files import (
    RATE,
    SAMPLES,
    channel,
    opened,
)
from helpers.wav_files import wav_bytes
from sslbench.errors import FormatError, MissingDataError, UnknownNameError


def test_the_error_for_missing_data_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SSLBENCH_DATA", str(tmp_path))
    with pytest.raises(MissingDataError) as caught:
        opened(None)
    text = str(caught.value)
    assert str(tmp_path / "libri-adhoc40") in text
    assert "https://github.com/ISmallFish/Libri-adhoc40" in text
    assert "adhoc40-test" in text
    assert "--dataset feng2025-ad1" in text


def test_a_missing_split_is_an_error(readme):
    with pytest.raises(MissingDataError, match="libri-adhoc40 is not in this folder") as caught:
        opened(readme, "validation")
    assert "a folder adhoc40-dev" in caught.value.expected


def test_an_unknown_split_is_an_error(readme):
    with pytest.raises(UnknownNameError, match="no split 'dev'"):
        opened(readme, "dev")


def test_missing_channels_are_reported(damaged):
    channel(damaged, 7).unlink()
    channel(damaged, 31).unlink()
    with pytest.raises(MissingDataError, match="1089-134686-0000 lacks channel 7, 31") as caught:
        opened(damaged)
    assert caught.value.where == str(channel(damaged, 7).parent)
    assert "download the archive again" in caught.value.hint


def test_utterances_with_only_an_anechoic_file_are_reported_as_incomplete(readme, tmp_path):
    for position in ("pos 1", "pos 2"):
        shutil.copytree(readme / "adhoc40-test" / position, tmp_path / "adhoc40-test" / position)
    for path in tmp_path.rglob("*-ch-*.wav"):
        path.unlink()
    with pytest.raises(MissingDataError, match=r"lacks channel 1, 2, .*and 1 more utterances"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (wav_bytes(np.ones(SAMPLES - 5), RATE), "39995 samples, but channel 1 has 40000"),
        (wav_bytes(np.ones(SAMPLES), 48000), "mono at 48000 Hz"),
        (wav_bytes(np.ones((SAMPLES, 2)), RATE), "2 channels at 16000 Hz"),
        (wav_bytes(np.zeros(SAMPLES), RATE), "is silent"),
        (wav_bytes([], RATE), "contains no samples"),
        (wav_bytes(np.ones(SAMPLES // 2), RATE, announced=2 * SAMPLES), "is truncated"),
        (b"", "is an empty file"),
        (b"what is this?", "cannot be read as audio"),
    ],
)
def test_a_damaged_channel_is_reported_with_its_path(damaged, content, text):
    channel(damaged, 7).write_bytes(content)
    dataset = opened(damaged, microphones=40)
    with pytest.raises(FormatError, match=text) as caught:
        dataset.scene(0)
    assert caught.value.where == str(channel(damaged, 7))


def test_nan_samples_are_an_error(damaged):
    samples = np.full(SAMPLES, np.nan)
    soundfile.write(channel(damaged, 7), samples, RATE, subtype="FLOAT")
    with pytest.raises(FormatError, match="channel 7 of 1089-134686-0000: has NaN or infinite"):
        opened(damaged, microphones=40).scene(0)


def test_another_sample_rate_of_channel_1_is_reported_at_once(damaged):
    channel(damaged, 1).write_bytes(wav_bytes(np.ones(SAMPLES), 8000))
    with pytest.raises(FormatError, match="channel 1 of 1089-134686-0000: mono at 8000 Hz"):
        opened(damaged)


@pytest.mark.parametrize(
    "name",
    [
        "pos 1/1089/134686/1089-134686-0000.wav",
        "pos 1/1089/134686/1089-134686-0000-ch-41.wav",
        "pos 1/1089/134686/1089-134686-0000-ch-07.wav",
        "pos 1/1089/134686/1089-134686-0000-ch-7.WAV",
        "pos 1/1089/134686/1089-134687-0000-ch-7.wav",
        "pos 1/1089/134686/1089-134686-0001/1089-134686-0000-ch-7.wav",
        "pos 1/1089/1089-134686-0000-ch-7.wav",
        "place 1/1089/134686/1089-134686-0000-ch-7.wav",
        "1089-134686-0000-ch-7.wav",
    ],
)
def test_an_invalid_file_name_is_an_error(damaged, name):
    path = damaged / "adhoc40-test" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="does not give utterance and channel") as caught:
        opened(damaged)
    assert caught.value.where == str(path)


def test_a_position_of_another_split_is_an_error(damaged):
    (damaged / "adhoc40-test/pos 1").rename(damaged / "adhoc40-test/pos 5")
    with pytest.raises(FormatError, match="the test split has no loudspeaker position '5'"):
        opened(damaged)


def test_an_utterance_in_both_layouts_is_an_error(damaged):
    shutil.copytree(damaged / "adhoc40-test/pos 1", damaged / "adhoc40-test/pos1")
    with pytest.raises(FormatError, match="1089-134686-0000 exists twice"):
        opened(damaged)
