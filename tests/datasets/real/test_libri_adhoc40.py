"""Libri-adhoc40 in miniature, written to the byte in both layouts, and damaged in every way."""

import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from sslbench.acoustics.gcc import gcc_phat, largest_lag
from sslbench.contracts import DatasetRequest
from sslbench.datasets.catalogue import entry
from sslbench.datasets.real.libri_adhoc40 import REGION, LibriAdhoc40, segment_start
from sslbench.datasets.real.libri_adhoc40_layout import LOUDSPEAKERS, microphone_positions
from sslbench.errors import FormatError, MissingDataError, ParameterError, UnknownNameError
from sslbench.geometry import tdoa
from sslbench.simulation.anechoic import render_anechoic

RATE = 16000
SAMPLES = 40000
UTTERANCES = {
    "1089-134686-0000": "pos 1",
    "121-121726-0003": "pos 2",
    "2300-131720-0010": "pos 3",
    "61-70968-0001": "pos 4",
}
FIRST = "pos 1/1089/134686"


def published(text):
    return [float(number) for number in text.split()]


TRAIN_X = published(
    "9.1 8.3 " * 4 + "7.5 6.7 " * 4 + "5.9 5.1 " * 4 + "4.3 3.5 " * 4 + "2.7 1.9 " * 4
)
TRAIN_Y = published("5.2 6.0 3.6 4.4 2 2.8 0.4 1.2 " * 5)
TEST_X = published("8.3 " * 8 + "6.7 " * 8 + "5.1 " * 8 + "3.5 " * 8 + "1.9 " * 8)
TEST_Y = published("6 5.2 4.4 3.6 2.8 2 1.2 0.4 " * 5)


def wav_bytes(samples, *, channels=1, rate=RATE, promised=None):
    """Write a 16-bit wav by hand, 44 bytes of header as in the data set."""
    data = np.asarray(samples, "<i2").tobytes()
    size = len(data) if promised is None else promised
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def rendered(name, x, y, samples=SAMPLES):
    """Play noise of its own in free field, shape (40, samples) of 16-bit integers."""
    rng = np.random.default_rng(int(name.replace("-", "")))
    sound = rng.standard_normal((1, samples), dtype=np.float32)
    heard = render_anechoic(sound, [(x, y, 0.95)], microphone_positions("test"), RATE)[0]
    # Microphones at the same distance would hear the same but for their own noise.
    return np.round(heard * 2000 + rng.standard_normal(heard.shape)).astype("<i2")


def write_utterance(split_folder, name, position, heard):
    speaker, chapter, _ = name.split("-")
    folder = split_folder / position / speaker / chapter
    folder.mkdir(parents=True, exist_ok=True)
    for channel, samples in enumerate(heard, 1):
        (folder / f"{name}-ch-{channel}.wav").write_bytes(wav_bytes(samples))
    # Not even audio: whoever takes it for a channel will notice.
    (folder / f"{name}-anechoic.wav").write_bytes(b"anechoic")


@pytest.fixture(scope="module")
def readme(tmp_path_factory):
    """Write the test split as the README has it; not to be changed."""
    root = tmp_path_factory.mktemp("readme")
    for name, position in UTTERANCES.items():
        x, y = LOUDSPEAKERS["test"][position[-1]]
        write_utterance(root / "adhoc40-test", name, position, rendered(name, x, y))
    (root / "adhoc40-test" / "adhoc40_devtest_pos_to_spkr.xlsx").write_text("to be ignored")
    return root


@pytest.fixture(scope="module")
def foldered(readme, tmp_path_factory):
    """Lay out the same files with `pos1` and a folder for each utterance."""
    root = tmp_path_factory.mktemp("foldered")
    for path in readme.rglob("*.wav"):
        position, speaker, chapter, file = path.relative_to(readme / "adhoc40-test").parts
        name = "-".join(file.split("-")[:3])
        copy = root / "adhoc40-test" / position.replace(" ", "") / speaker / chapter / name / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return root


@pytest.fixture
def damaged(readme, tmp_path):
    """Copy the first utterance, to be damaged."""
    shutil.copytree(readme / "adhoc40-test" / "pos 1", tmp_path / "adhoc40-test" / "pos 1")
    return tmp_path


def opened(root, split="test", scale="paper", **params):
    return LibriAdhoc40(DatasetRequest(split, scale, params, root, Path("unused")))


def channel(root, number):
    return root / "adhoc40-test" / FIRST / f"1089-134686-0000-ch-{number}.wav"


def by_name(dataset, name):
    index = next(i for i in range(len(dataset)) if dataset.truth(i)[0] == name)
    return dataset.scene(index)


def listing(root, *files):
    """Write a split of complete utterances that hold no sound, by folder and name."""
    for folder, name in files:
        path = root / folder
        path.mkdir(parents=True, exist_ok=True)
        for number in range(1, 41):
            (path / f"{name}-ch-{number}.wav").write_bytes(wav_bytes(np.zeros(RATE // 10)))
    return root


def test_microphones_stand_where_the_readme_says():
    height = [0.9] * 40
    train = np.transpose([TRAIN_X, TRAIN_Y, height])
    test = np.transpose([TEST_X, TEST_Y, height])
    np.testing.assert_array_equal(microphone_positions("train"), train)
    np.testing.assert_array_equal(microphone_positions("test"), test)
    np.testing.assert_array_equal(microphone_positions("validation"), test)


def test_loudspeakers_stand_where_the_readme_says():
    x = published("2.7 2.7 2.7 4.3 5.9 8.3 8.3 8.3 5.1 5.1")
    y = published("4.4 2.8 1.2 1.2 1.2 2.0 3.6 5.2 3.6 3.6")
    assert list(LOUDSPEAKERS["train"].values()) == list(zip(x, y, strict=True))
    assert list(LOUDSPEAKERS["train"]) == [*"12345678", "9u", "9d"]
    devtest = LOUDSPEAKERS["test"] | LOUDSPEAKERS["validation"]
    x, y = published("2.7 4.3 5.9 7.5 " * 2), [1.2] * 4 + [5.2] * 4
    assert devtest == dict(zip("12345678", zip(x, y, strict=True), strict=True))


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_region_holds_every_loudspeaker_at_its_height(split):
    assert REGION.flat
    assert REGION.contains([(x, y, 0.95) for x, y in LOUDSPEAKERS[split].values()]).all()


def test_both_layouts_give_the_same_recordings(readme, foldered):
    one, other = opened(readme), opened(foldered)
    assert one.fingerprint() == other.fingerprint()
    assert len(one) == len(other) == 4
    for index in range(4):
        a, b = one.scene(index), other.scene(index)
        assert a.recording.id == b.recording.id
        np.testing.assert_array_equal(a.recording.audio, b.recording.audio)
        np.testing.assert_array_equal(a.truth.xyz, b.truth.xyz)


def test_truth_is_where_the_loudspeaker_stood(readme):
    dataset = opened(readme)
    for index in range(len(dataset)):
        name, truth = dataset.truth(index)
        expected = (*LOUDSPEAKERS["test"][UTTERANCES[name][-1]], 0.95)
        np.testing.assert_array_equal(truth.xyz, [[expected]])
        np.testing.assert_array_equal(dataset.scene(index).truth.xyz, truth.xyz)


def test_truth_is_had_without_reading_audio(damaged):
    dataset = opened(damaged)
    shutil.rmtree(damaged / "adhoc40-test")
    assert dataset.truth(0)[0] == "1089-134686-0000"


def test_recording_is_thirty_channels_in_order_and_one_answer_in_the_middle(readme):
    recording = by_name(opened(readme), "61-70968-0001").recording
    assert recording.audio.shape == (30, 32000)
    assert (recording.kind, recording.frame, recording.max_sources) == ("position", None, 1)
    assert recording.times.tolist() == [1.0]
    whole = microphone_positions("test").tolist()
    chosen = [whole.index(each) for each in recording.array.positions.tolist()]
    assert chosen == sorted(set(chosen))


def test_all_forty_channels_are_those_of_the_files(readme):
    recording = by_name(opened(readme, microphones=40, seconds=2.5), "61-70968-0001").recording
    expected = rendered("61-70968-0001", *LOUDSPEAKERS["test"]["4"]) / np.float32(32768)
    np.testing.assert_array_equal(recording.audio, expected)
    np.testing.assert_array_equal(recording.array.positions, microphone_positions("test"))


def test_channels_are_drawn_for_each_recording_the_same_every_time(readme):
    arrays = [opened(readme).scene(i).recording.array.positions for i in (0, 0, 1)]
    np.testing.assert_array_equal(arrays[0], arrays[1])
    assert arrays[0].tolist() != arrays[2].tolist()


def test_fewer_microphones_hear_the_same_segment_and_are_among_more(readme):
    few, many = (opened(readme, microphones=n).scene(0).recording for n in (5, 20))
    rows = [many.array.positions.tolist().index(each) for each in few.array.positions.tolist()]
    np.testing.assert_array_equal(few.audio, many.audio[rows])


def test_delays_between_channels_agree_with_the_positions(readme):
    dataset = opened(readme, microphones=6)
    for index in range(len(dataset)):
        scene = dataset.scene(index)
        microphones = scene.recording.array.positions
        lag = largest_lag(microphones, RATE, 343.0)
        correlation = gcc_phat(torch.tensor(np.array(scene.recording.audio)), lag)
        heard = correlation.argmax(dim=-1).numpy() - lag
        np.testing.assert_allclose(
            heard, tdoa(microphones, scene.truth.xyz[0, 0]) * RATE, atol=0.51
        )


def test_two_sources_are_the_sum_of_two_recordings(readme):
    alone, mixed = opened(readme, microphones=40), opened(readme, microphones=40, sources=2)
    scene = mixed.scene(0)
    parts = [by_name(alone, name) for name in scene.recording.id.split("+")]
    np.testing.assert_array_equal(
        scene.recording.audio, parts[0].recording.audio + parts[1].recording.audio
    )
    assert scene.recording.max_sources == 2
    np.testing.assert_array_equal(
        scene.truth.xyz, np.concatenate([part.truth.xyz for part in parts], axis=1)
    )


def test_each_utterance_is_the_first_of_one_pair(readme):
    pairs = [dataset.truth(i)[0] for dataset in [opened(readme, sources=2)] for i in range(4)]
    assert {pair.split("+")[0] for pair in pairs} == set(UTTERANCES)
    again = opened(readme, sources=2)
    assert [again.truth(i)[0] for i in range(4)] == pairs


def test_pairs_are_of_other_speakers_at_other_places(tmp_path):
    root = listing(
        tmp_path / "adhoc40-train",
        ("pos 9u/1/1", "1-1-0"),
        ("pos 9d/2/1", "2-1-0"),
        ("pos 1/1/2", "1-2-0"),
        ("pos 1/3/1", "3-1-0"),
    ).parent
    dataset = opened(root, "train", sources=2, seconds=0.1)
    pairs = dict(dataset.truth(i)[0].split("+") for i in range(4))
    # 9u and 9d are one place; 1-1-0 and 1-2-0 are one speaker.
    assert pairs["1-1-0"] == "3-1-0"
    assert pairs["1-2-0"] == "2-1-0"
    assert pairs["2-1-0"] in {"1-2-0", "3-1-0"}


def test_utterance_without_a_second_source_is_named(damaged):
    with pytest.raises(FormatError, match="1089-134686-0000 finds no second source") as caught:
        opened(damaged, sources=2)
    assert "unpack all positions" in caught.value.hint


def test_segment_is_where_something_sounds():
    signal = np.zeros(10 * RATE, dtype=np.float32)
    signal[7 * RATE : 9 * RATE] = 0.5
    starts = [segment_start(signal, 2 * RATE, np.random.default_rng(i)) for i in range(50)]
    assert min(starts) > 5 * RATE
    assert len(set(starts)) > 10


def test_segment_of_a_signal_just_as_long_is_all_of_it():
    assert segment_start(np.ones(100, np.float32), 100, np.random.default_rng(0)) == 0


def test_shorter_utterances_are_left_out_and_counted(readme, tmp_path):
    shutil.copytree(readme, tmp_path, dirs_exist_ok=True)
    for path in (tmp_path / "adhoc40-test" / FIRST).glob("*-ch-*.wav"):
        path.write_bytes(wav_bytes(np.ones(31999)))
    dataset = opened(tmp_path)
    assert (len(dataset), dataset.skipped) == (3, 1)


def test_length_that_no_utterance_has_is_refused(readme):
    with pytest.raises(ParameterError, match="none of 4 utterances is 3 s long") as caught:
        opened(readme, seconds=3.0)
    assert caught.value.expected == "at most 2.5 s"


def test_smaller_scale_begins_a_larger_one_and_takes_every_position(tmp_path, monkeypatch):
    files = [(f"pos {p}/{p}/1", f"{p}-1-{n}") for p in range(1, 5) for n in range(3 * p)]
    root = listing(tmp_path / "adhoc40-test", *files).parent
    listed = entry("libri-adhoc40").model_copy(update={"recordings": {"smoke": 8}})
    monkeypatch.setattr("sslbench.datasets.real.libri_adhoc40.entry", lambda _: listed)
    names = {
        scale: [dataset.truth(i)[0] for i in range(len(dataset))]
        for scale in ("smoke", "paper")
        for dataset in [opened(root, scale=scale, seconds=0.1)]
    }
    assert len(names["paper"]) == 30
    assert names["smoke"] == names["paper"][:8]
    assert sorted(name[0] for name in names["smoke"]) == list("11223344")


def test_catalogue_limits_the_smaller_scales():
    assert entry("libri-adhoc40").recordings == {"smoke": 40, "quick": 400}


def test_fingerprint_follows_names_sizes_and_parameters(damaged):
    changes = [{}, {"microphones": 29}, {"seconds": 1.5}]
    prints = [opened(damaged, **change).fingerprint() for change in changes]
    channel(damaged, 7).write_bytes(wav_bytes(np.ones(SAMPLES - 1)))
    prints.append(opened(damaged).fingerprint())
    (damaged / "adhoc40-test/pos 1").rename(damaged / "adhoc40-test/pos 2")
    prints.append(opened(damaged).fingerprint())
    assert len(set(prints)) == 5


def test_fingerprint_leaves_the_anechoic_file_alone(damaged):
    before = opened(damaged).fingerprint()
    (channel(damaged, 1).parent / "1089-134686-0000-anechoic.wav").unlink()
    assert opened(damaged).fingerprint() == before


def test_missing_data_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SSLBENCH_DATA", str(tmp_path))
    with pytest.raises(MissingDataError) as caught:
        opened(None)
    text = str(caught.value)
    assert str(tmp_path / "libri-adhoc40") in text
    assert "https://github.com/ISmallFish/Libri-adhoc40" in text
    assert "adhoc40-test" in text
    assert "--dataset feng2025-ad1" in text


def test_split_that_is_not_there_is_named(readme):
    with pytest.raises(MissingDataError, match="no libri-adhoc40 in this folder") as caught:
        opened(readme, "validation")
    assert "a folder adhoc40-dev" in caught.value.expected


def test_unknown_split_is_refused(readme):
    with pytest.raises(UnknownNameError, match="no split 'dev'"):
        opened(readme, "dev")


def test_missing_channels_are_named(damaged):
    channel(damaged, 7).unlink()
    channel(damaged, 31).unlink()
    with pytest.raises(MissingDataError, match="1089-134686-0000 lacks channel 7, 31") as caught:
        opened(damaged)
    assert caught.value.where == str(channel(damaged, 7).parent)
    assert "download the archive again" in caught.value.hint


def test_utterance_of_which_only_the_anechoic_file_is_there_is_no_less_incomplete(readme, tmp_path):
    for position in ("pos 1", "pos 2"):
        shutil.copytree(readme / "adhoc40-test" / position, tmp_path / "adhoc40-test" / position)
    for path in tmp_path.rglob("*-ch-*.wav"):
        path.unlink()
    with pytest.raises(MissingDataError, match=r"lacks channel 1, 2, .*and 1 more utterances"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (wav_bytes(np.ones(SAMPLES - 5)), "39995 samples where channel 1 has 40000"),
        (wav_bytes(np.ones(SAMPLES), rate=48000), "mono at 48000 Hz"),
        (wav_bytes(np.ones(2 * SAMPLES), channels=2), "2 channels at 16000 Hz"),
        (wav_bytes(np.zeros(SAMPLES)), "is silent"),
        (wav_bytes([]), "holds no samples"),
        (wav_bytes(np.ones(SAMPLES // 2), promised=2 * SAMPLES), "is truncated"),
        (b"", "is an empty file"),
        (b"what is this?", "cannot be read as audio"),
    ],
)
def test_damaged_channel_is_refused_by_name(damaged, content, text):
    channel(damaged, 7).write_bytes(content)
    dataset = opened(damaged, microphones=40)
    with pytest.raises(FormatError, match=text) as caught:
        dataset.scene(0)
    assert caught.value.where == str(channel(damaged, 7))


def test_samples_that_are_no_numbers_are_refused(damaged):
    sound = np.full(SAMPLES, np.nan)
    soundfile.write(channel(damaged, 7), sound, RATE, subtype="FLOAT")
    with pytest.raises(FormatError, match="channel 7 of 1089-134686-0000: holds samples that are"):
        opened(damaged, microphones=40).scene(0)


def test_first_channel_of_another_rate_is_refused_at_once(damaged):
    channel(damaged, 1).write_bytes(wav_bytes(np.ones(SAMPLES), rate=8000))
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
def test_name_that_says_nothing_is_refused(damaged, name):
    path = damaged / "adhoc40-test" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    with pytest.raises(FormatError, match="does not say which utterance and channel") as caught:
        opened(damaged)
    assert caught.value.where == str(path)


def test_position_of_another_split_is_refused(damaged):
    (damaged / "adhoc40-test/pos 1").rename(damaged / "adhoc40-test/pos 5")
    with pytest.raises(FormatError, match="the test split has no loudspeaker position '5'"):
        opened(damaged)


def test_utterance_in_both_layouts_at_once_is_refused(damaged):
    shutil.copytree(damaged / "adhoc40-test/pos 1", damaged / "adhoc40-test/pos1")
    with pytest.raises(FormatError, match="1089-134686-0000 is there twice"):
        opened(damaged)
