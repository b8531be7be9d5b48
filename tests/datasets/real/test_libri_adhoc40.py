"""The loader of Libri-adhoc40, with artificial files in both layouts, intact and damaged."""

import shutil

import numpy as np
import pytest
import torch

from helpers.libri_adhoc40_files import (
    FIRST,
    RATE,
    SAMPLES,
    UTTERANCES,
    channel,
    listing,
    opened,
    rendered,
)
from helpers.wav_files import wav_bytes
from sslbench.acoustics.gcc import gcc_phat, largest_lag
from sslbench.datasets.catalogue import entry
from sslbench.datasets.real.libri_adhoc40 import REGION
from sslbench.datasets.real.libri_adhoc40_layout import LOUDSPEAKERS, microphone_positions
from sslbench.errors import FormatError, ParameterError
from sslbench.geometry import tdoa


def published(text):
    return [float(number) for number in text.split()]


TRAIN_X = published(
    "9.1 8.3 " * 4 + "7.5 6.7 " * 4 + "5.9 5.1 " * 4 + "4.3 3.5 " * 4 + "2.7 1.9 " * 4
)
TRAIN_Y = published("5.2 6.0 3.6 4.4 2 2.8 0.4 1.2 " * 5)
TEST_X = published("8.3 " * 8 + "6.7 " * 8 + "5.1 " * 8 + "3.5 " * 8 + "1.9 " * 8)
TEST_Y = published("6 5.2 4.4 3.6 2.8 2 1.2 0.4 " * 5)


@pytest.fixture(scope="module")
def foldered(readme, tmp_path_factory):
    """Write the same files with `pos1` and one folder per utterance."""
    root = tmp_path_factory.mktemp("foldered")
    for path in readme.rglob("*.wav"):
        position, speaker, chapter, file = path.relative_to(readme / "adhoc40-test").parts
        name = "-".join(file.split("-")[:3])
        copy = root / "adhoc40-test" / position.replace(" ", "") / speaker / chapter / name / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    return root


def by_name(dataset, name):
    index = next(i for i in range(len(dataset)) if dataset.truth(i)[0] == name)
    return dataset.scene(index)


def test_microphone_positions_are_those_of_the_readme():
    height = [0.9] * 40
    train = np.transpose([TRAIN_X, TRAIN_Y, height])
    test = np.transpose([TEST_X, TEST_Y, height])
    np.testing.assert_array_equal(microphone_positions("train"), train)
    np.testing.assert_array_equal(microphone_positions("test"), test)
    np.testing.assert_array_equal(microphone_positions("validation"), test)


def test_loudspeaker_positions_are_those_of_the_readme():
    x = published("2.7 2.7 2.7 4.3 5.9 8.3 8.3 8.3 5.1 5.1")
    y = published("4.4 2.8 1.2 1.2 1.2 2.0 3.6 5.2 3.6 3.6")
    assert list(LOUDSPEAKERS["train"].values()) == list(zip(x, y, strict=True))
    assert list(LOUDSPEAKERS["train"]) == [*"12345678", "9u", "9d"]
    devtest = LOUDSPEAKERS["test"] | LOUDSPEAKERS["validation"]
    x, y = published("2.7 4.3 5.9 7.5 " * 2), [1.2] * 4 + [5.2] * 4
    assert devtest == dict(zip("12345678", zip(x, y, strict=True), strict=True))


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_region_contains_all_loudspeaker_positions(split):
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
        np.testing.assert_array_equal(a.truth.tracks.xyz, b.truth.tracks.xyz)


def test_the_ground_truth_is_the_position_of_the_loudspeaker(readme):
    dataset = opened(readme)
    for index in range(len(dataset)):
        name, truth = dataset.truth(index)
        expected = (*LOUDSPEAKERS["test"][UTTERANCES[name][-1]], 0.95)
        np.testing.assert_array_equal(truth.tracks.xyz, [[expected]])
        np.testing.assert_array_equal(dataset.scene(index).truth.tracks.xyz, truth.tracks.xyz)


def test_the_ground_truth_needs_no_audio(damaged):
    dataset = opened(damaged)
    shutil.rmtree(damaged / "adhoc40-test")
    assert dataset.truth(0)[0] == "1089-134686-0000"


def test_a_recording_has_thirty_ordered_channels_and_one_time_in_its_middle(readme):
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


def test_channels_differ_between_recordings_but_not_between_calls(readme):
    arrays = [opened(readme).scene(i).recording.array.positions for i in (0, 0, 1)]
    np.testing.assert_array_equal(arrays[0], arrays[1])
    assert arrays[0].tolist() != arrays[2].tolist()


def test_fewer_microphones_are_a_subset_of_more_with_the_same_segment(readme):
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
        measured = correlation.argmax(dim=-1).numpy() - lag
        np.testing.assert_allclose(
            measured, tdoa(microphones, scene.truth.tracks.xyz[0, 0]) * RATE, atol=0.51
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
        scene.truth.tracks.xyz, np.concatenate([part.truth.tracks.xyz for part in parts], axis=1)
    )


def test_each_utterance_is_the_first_source_of_one_pair(readme):
    pairs = [dataset.truth(i)[0] for dataset in [opened(readme, sources=2)] for i in range(4)]
    assert {pair.split("+")[0] for pair in pairs} == set(UTTERANCES)
    again = opened(readme, sources=2)
    assert [again.truth(i)[0] for i in range(4)] == pairs


def test_pairs_have_different_speakers_and_positions(tmp_path):
    root = listing(
        tmp_path / "adhoc40-train",
        ("pos 9u/1/1", "1-1-0"),
        ("pos 9d/2/1", "2-1-0"),
        ("pos 1/1/2", "1-2-0"),
        ("pos 1/3/1", "3-1-0"),
    ).parent
    dataset = opened(root, "train", sources=2, seconds=0.1)
    pairs = dict(dataset.truth(i)[0].split("+") for i in range(4))
    # 9u and 9d are the same position; 1-1-0 and 1-2-0 have the same speaker.
    assert pairs["1-1-0"] == "3-1-0"
    assert pairs["1-2-0"] == "2-1-0"
    assert pairs["2-1-0"] in {"1-2-0", "3-1-0"}


def test_an_utterance_without_a_second_source_is_an_error(damaged):
    with pytest.raises(FormatError, match="no second source for 1089-134686-0000") as caught:
        opened(damaged, sources=2)
    assert "unpack all positions" in caught.value.hint


def test_a_segment_is_not_a_pause(damaged):
    speech = np.zeros(10 * RATE)
    speech[7 * RATE : 9 * RATE] = 1000
    for number in range(1, 41):
        channel(damaged, number).write_bytes(wav_bytes(speech, RATE))
    audio = opened(damaged).scene(0).recording.audio
    # A tenth of the mean power, of a signal that is active for a fifth of the time.
    assert (audio != 0).mean() >= 0.02


def test_short_utterances_are_skipped_and_counted(readme, tmp_path):
    shutil.copytree(readme, tmp_path, dirs_exist_ok=True)
    for path in (tmp_path / "adhoc40-test" / FIRST).glob("*-ch-*.wav"):
        path.write_bytes(wav_bytes(np.ones(31999), RATE))
    dataset = opened(tmp_path)
    assert (len(dataset), dataset.skipped) == (3, 1)
    assert dataset.report() == ["1 utterances were skipped, because they are shorter than 2 s"]


def test_a_length_that_no_utterance_has_is_an_error(readme):
    with pytest.raises(ParameterError, match="all 4 utterances are shorter than 3 s") as caught:
        opened(readme, seconds=3.0)
    assert caught.value.expected == "at most 2.5 s"


def test_a_smaller_scale_has_the_first_utterances_of_a_larger_one_and_all_positions(
    tmp_path, monkeypatch
):
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


def test_the_fingerprint_depends_on_names_sizes_and_parameters(damaged):
    changes = [{}, {"microphones": 29}, {"seconds": 1.5}]
    prints = [opened(damaged, **change).fingerprint() for change in changes]
    channel(damaged, 7).write_bytes(wav_bytes(np.ones(SAMPLES - 1), RATE))
    prints.append(opened(damaged).fingerprint())
    (damaged / "adhoc40-test/pos 1").rename(damaged / "adhoc40-test/pos 2")
    prints.append(opened(damaged).fingerprint())
    assert len(set(prints)) == 5


def test_the_fingerprint_does_not_depend_on_anechoic_files(damaged):
    before = opened(damaged).fingerprint()
    (channel(damaged, 1).parent / "1089-134686-0000-anechoic.wav").unlink()
    assert opened(damaged).fingerprint() == before
