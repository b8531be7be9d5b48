import numpy as np
import pytest
import soundfile

from sslbench.errors import FormatError, MissingDataError
from sslbench.simulation.seeding import stream
from sslbench.simulation.sources import (
    QUIET_DB,
    SourceBank,
    folder_identity,
    loud_starts,
    split_files,
)

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def bank():
    return SourceBank.built_in("speech", "validation", 16000)


def _write(path, seconds=0.5, rate=16000, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).standard_normal(int(seconds * rate)) * 0.1
    soundfile.write(path, noise, rate)
    return path


@pytest.fixture
def librispeech(tmp_path):
    for speaker in (61, 121, 237, 1089):
        for chapter in (1, 2):
            for utterance in range(3):
                name = f"{speaker}-{chapter}-{utterance:04d}.flac"
                _write(tmp_path / str(speaker) / str(chapter) / name, seed=speaker + utterance)
    return tmp_path


def test_excerpts_are_loud_enough_to_locate(bank):
    rng = stream("excerpts")
    mean = np.mean([np.mean(signal**2) for signal in bank.signals])
    for _ in range(300):
        power = np.mean(bank.excerpt(rng, 2048, lead=1000)[1000:] ** 2)
        assert 10 * np.log10(power / mean) > QUIET_DB - 0.01


def test_excerpts_are_cut_from_the_signals(bank):
    excerpt = bank.excerpt(stream("one"), 2560, lead=512)
    assert excerpt.shape == (3072,)
    windows = [np.lib.stride_tricks.sliding_window_view(s, 3072)[::160] for s in bank.signals]
    assert any((window == excerpt).all(axis=1).any() for window in windows)


def test_several_excerpts_are_cut_from_one_signal(bank):
    talker, excerpts = bank.excerpts(stream("several"), 3, 2048, lead=500)
    assert excerpts.shape == (3, 2548)
    signal = bank.signals[bank.talkers.index(talker)]
    windows = np.lib.stride_tricks.sliding_window_view(signal, 2548)[::160]
    assert all((windows == each).all(axis=1).any() for each in excerpts)


def test_the_talker_of_a_librispeech_file_is_its_speaker(librispeech):
    bank = SourceBank.from_folder(librispeech, "test", 16000)
    talker, _ = bank.excerpts(stream("talker"), 2, 1024)
    assert talker in {f"speaker {each}" for each in (61, 121, 237, 1089)}


def test_loud_starts_are_where_the_signal_is_not_silent():
    signal = np.zeros(160_000, dtype=np.float32)
    signal[112_000:144_000] = 0.5
    starts = loud_starts(signal, 32_000, 16000)
    assert starts.min() > 80_000
    assert starts.max() + 32_000 <= 160_000
    assert set(starts % 160) == {0}


def test_the_lead_is_not_part_of_the_section_that_is_loud():
    signal = np.zeros(160_000, dtype=np.float32)
    signal[112_000:144_000] = 0.5
    without_lead = loud_starts(signal, 16_000, 16000)
    with_lead = loud_starts(signal, 16_000, 16000, lead=8_000)
    np.testing.assert_array_equal(with_lead, without_lead - 8_000)


def test_a_signal_as_long_as_the_section_has_one_start():
    assert loud_starts(np.ones(100, np.float32), 100, 16000).tolist() == [0]


def test_a_signal_without_loud_sections_gives_its_loudest():
    clicks = np.zeros(1600, dtype=np.float32)
    clicks[[5, 1595]] = 1, 0.1
    assert loud_starts(clicks, 100, 16000, lead=1).tolist() == [0]


def test_a_signal_that_is_too_short_is_padded_with_zeros():
    short = SourceBank([np.ones(100, np.float32)], ["short"], 16000)
    np.testing.assert_array_equal(
        short.excerpt(stream("any"), 150), np.r_[np.ones(100), np.zeros(50)]
    )


def test_splits_share_no_built_in_signal():
    firsts = [SourceBank.built_in("both", split, 8000).signals for split in SPLITS]
    seen = {signal.tobytes() for signals in firsts for signal in signals}
    assert len(seen) == sum(len(signals) for signals in firsts)


def test_splits_share_no_speaker_of_a_librispeech_tree(librispeech):
    speakers = [{f.name.split("-")[0] for f in split_files(librispeech, s)} for s in SPLITS]
    assert all(speakers)
    assert set().union(*speakers) == {"61", "121", "237", "1089"}
    assert sum(len(s) for s in speakers) == 4


def test_splits_share_no_file_of_a_plain_folder(tmp_path):
    for k in range(10):
        _write(tmp_path / f"{k}.wav", seed=k)
    parts = [set(split_files(tmp_path, split)) for split in SPLITS]
    assert [len(part) for part in parts] == [7, 1, 2]
    assert len(set().union(*parts)) == 10


def test_files_are_resampled(tmp_path):
    time = np.arange(44100) / 44100
    for k in range(3):
        soundfile.write(tmp_path / f"{k}.wav", 0.5 * np.sin(2 * np.pi * 1000 * time), 44100)
    signal = SourceBank.from_folder(tmp_path, "test", 16000).signals[0]
    assert len(signal) == 16000
    assert np.abs(np.fft.rfft(signal)).argmax() == 1000


def test_the_identity_of_a_folder_depends_on_its_contents(librispeech):
    before = [folder_identity(librispeech, split) for split in SPLITS]
    assert len(set(before)) == 3
    _write(split_files(librispeech, "test")[0], seed=99)
    after = [folder_identity(librispeech, split) for split in SPLITS]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, True, False]


def test_a_missing_folder_is_reported_with_its_path(tmp_path):
    with pytest.raises(MissingDataError, match=r"nowhere: the folder of source signals does not"):
        SourceBank.open(str(tmp_path / "nowhere"), "speech", "test", 16000)


@pytest.mark.parametrize("count", [0, 2])
def test_too_few_files_for_three_splits_are_an_error(tmp_path, count):
    for k in range(count):
        _write(tmp_path / f"{k}.wav")
    with pytest.raises(MissingDataError, match=rf"{count} independent source signals are too few"):
        split_files(tmp_path, "train")


def test_a_file_that_is_not_audio_is_reported_with_its_path(tmp_path):
    for k in range(3):
        (tmp_path / f"{k}.wav").write_text("not audio")
    with pytest.raises(FormatError, match=r"\d\.wav: cannot be read"):
        SourceBank.from_folder(tmp_path, "train", 16000)


@pytest.mark.parametrize("samples", [[0.0] * 2000, []])
def test_a_silent_or_empty_file_is_reported_with_its_path(tmp_path, samples):
    for k in range(3):
        soundfile.write(tmp_path / f"{k}.wav", np.array(samples), 16000)
    with pytest.raises(FormatError, match=r"\d\.wav: the source signal is silent"):
        SourceBank.from_folder(tmp_path, "train", 16000)


def test_a_file_with_nan_is_an_error(tmp_path):
    for k in range(3):
        audio = np.full(2000, np.nan, np.float32)
        soundfile.write(tmp_path / f"{k}.wav", audio, 16000, subtype="FLOAT")
    with pytest.raises(FormatError, match="is silent or not finite"):
        SourceBank.from_folder(tmp_path, "train", 16000)
