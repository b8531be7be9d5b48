"""Documented properties of the data set `lemoing2019`."""

from functools import cache

import numpy as np
import pyroomacoustics as pra
import pytest
import soundfile

from sslbench.datasets.simulated.feng2025_l1 import Feng2025L1
from sslbench.datasets.simulated.lemoing2019 import PARAMETERS, Lemoing2019
from sslbench.datasets.simulated.line_arrays import LEAD, SAMPLES
from sslbench.errors import MissingDataError, ParameterError, UnknownNameError
from sslbench.simulation.filters import DELAY
from sslbench.simulation.sources import SourceBank

SPLITS = ("train", "validation", "test", "s1", "s2")


@pytest.fixture(autouse=True, scope="module")
def banks_generated_once():
    """Keep the signals of a split between tests; generating them dominates the run time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SourceBank, "open", cache(SourceBank.open))
        yield


def _positions(dataset, count=None):
    """Return all positions, shape (scenes, tracks, 3)."""
    return np.array([dataset.truth(i)[1].tracks.xyz[0] for i in range(count or len(dataset))])


def _counts(dataset):
    return np.array([dataset.truth(i)[1].tracks.active[0].sum() for i in range(len(dataset))])


def _parameter(name):
    return next(each for each in PARAMETERS if each.name == name)


@pytest.mark.parametrize("split", SPLITS)
def test_sources_are_on_the_grid_inside_the_square(make, split):
    xyz = _positions(make(Lemoing2019, split))
    steps = xyz[..., :2] / 0.05 - 0.5
    active = np.isfinite(xyz[..., 0])
    np.testing.assert_allclose(steps[active], np.round(steps[active]), atol=1e-9)
    assert ((steps[active].round() >= 0) & (steps[active].round() <= 119)).all()
    assert (xyz[active][:, 2] == 0.95).all()


@pytest.mark.parametrize("split", ["test", "s1"])
def test_sources_are_at_least_two_metres_apart(make, split):
    xyz = _positions(make(Lemoing2019, split, "quick"))
    i, j = np.triu_indices(xyz.shape[1], k=1)
    between = np.linalg.norm(xyz[:, i] - xyz[:, j], axis=-1)
    assert np.nanmin(between) == pytest.approx(2.0, abs=0.05)
    assert np.nanmin(between) >= 2 - 1e-9


@pytest.mark.parametrize("params", [{}, {"array_centre": 1.5, "wall_distance": 1.0}])
def test_sources_have_a_minimum_distance_from_the_microphones(make, params):
    dataset = make(Lemoing2019, "train", "quick", **params)
    distance = np.linalg.norm(_positions(dataset)[:, :, None] - dataset.microphones, axis=-1)
    assert 0.25 <= np.nanmin(distance) < 0.3


def test_moved_arrays_move_few_sources(make):
    here, there = (_positions(make(Lemoing2019, array_centre=x)) for x in (3.0, 1.5))
    same = (np.isnan(here) | (here == there)).all(axis=(1, 2))
    assert same.mean() > 0.95


def test_sources_are_distributed_over_the_square(make):
    xyz = _positions(make(Lemoing2019, "train", "quick"))
    alone = xyz[np.isnan(xyz[:, 1, 0]), 0]
    counts = np.histogram2d(alone[:, 0], alone[:, 1], bins=6, range=[[0, 6], [0, 6]])[0]
    assert counts.sum() == len(alone)
    # Four standard deviations of a Poisson count, and the strip around the arrays.
    mean = len(alone) / 36
    assert np.abs(counts - mean).max() < 4 * np.sqrt(mean) + 0.25 * mean


@pytest.mark.parametrize("split", ["train", "validation", "test", "s2"])
@pytest.mark.parametrize("scale", ["smoke", "quick"])
def test_one_and_two_sources_are_equally_frequent(make, split, scale):
    dataset = make(Lemoing2019, split, scale)
    assert np.bincount(_counts(dataset)).tolist() == [0, len(dataset) // 2, len(dataset) // 2]


def test_the_number_of_sources_does_not_follow_from_the_id(make):
    even = _counts(make(Lemoing2019, "train"))[0::2]
    assert 0.4 < np.mean(even == 1) < 0.6


def test_s1_has_three_sources(make):
    assert (_counts(make(Lemoing2019, "s1")) == 3).all()


@pytest.mark.parametrize("split", ["train", "test", "s1", "s2"])
def test_max_sources_is_three_in_all_splits(make, split):
    assert make(Lemoing2019, split).scene(0).recording.max_sources == 3


def test_an_absent_source_is_nan_and_inactive(make):
    dataset = make(Lemoing2019)
    alone = int(np.flatnonzero(_counts(dataset) == 1)[0])
    truth = dataset.truth(alone)[1].tracks
    assert truth.active.tolist() == [[True, False]]
    assert np.isnan(truth.xyz[0, 1]).all()


def test_a_recording_has_one_time_in_its_middle(make):
    recording = make(Lemoing2019).scene(0).recording
    assert recording.audio.shape == (8, 2560)
    np.testing.assert_allclose(recording.times, [0.08])
    assert recording.frame is None
    assert recording.region.flat


def test_conditions_do_not_depend_on_the_number_of_sources(make):
    dataset = make(Lemoing2019)
    assert len({str(dataset.scene(i).recording.conditions) for i in range(10)}) == 1


def test_arrays_are_those_of_feng2025_l1(make):
    params = {"layout": "uniform", "aperture": 0.4, "wall_distance": 0.2, "array_centre": 2.0}
    here, there = (
        make(dataset_class, **params).array for dataset_class in (Lemoing2019, Feng2025L1)
    )
    np.testing.assert_array_equal(here.positions, there.positions)
    np.testing.assert_allclose(here.positions[4:, 1], 0.2)


@pytest.mark.usefixtures("without_high_pass")
@pytest.mark.parametrize("split", ["test", "s1"])
def test_a_clip_equals_pyroomacoustics_within_70_db(make, split):
    dataset = make(Lemoing2019, split)
    scene = dataset.scene(int(_counts(dataset).argmax()))
    signals = dataset.source_signals(int(scene.recording.id[-6:]), dataset._bank)
    room = pra.ShoeBox([6, 6, 4.2], fs=16000, max_order=0)
    for signal, position in zip(signals, scene.truth.tracks.xyz[0], strict=True):
        room.add_source(position, signal=signal)
    room.add_microphone_array(dataset.microphones.T)
    room.simulate()
    theirs = room.mic_array.signals[:, DELAY + LEAD : DELAY + LEAD + SAMPLES]
    difference = np.abs(scene.recording.audio - theirs).max() / np.abs(theirs).max()
    assert 20 * np.log10(difference) < -70


def test_levels_vary_over_the_requested_range(make):
    quiet, loud = (make(Lemoing2019, "train", level_range=x) for x in (0.0, 30.0))
    bank = quiet._bank
    pairs = ((quiet.source_signals(i, bank), loud.source_signals(i, bank)) for i in range(300))
    gains = [20 * np.log10(np.abs(b).max(axis=1) / np.abs(a).max(axis=1)) for a, b in pairs]
    assert np.min(gains) == pytest.approx(-15, abs=0.5)
    assert np.max(gains) == pytest.approx(15, abs=0.5)
    assert np.std(gains) == pytest.approx(30 / np.sqrt(12), rel=0.1)
    # The two sources of a scene vary independently.
    assert abs(np.corrcoef(np.array(gains).T)[0, 1]) < 0.2


@pytest.mark.parametrize("split", ["test", "s1", "s2"])
def test_no_clip_is_silent(make, split):
    dataset = make(Lemoing2019, split)
    power = [np.mean(dataset.scene(i).recording.audio ** 2, axis=1) for i in range(len(dataset))]
    # Level 0.1, minus 10 dB for the excerpt and 10 dB for the gain, at a distance of up to 8.3 m.
    assert 20 * np.log10(0.1) - 10 - 10 - 20 * np.log10(8.5) < 10 * np.log10(np.min(power)) + 1


def test_splits_share_no_scene(make):
    datasets = [make(Lemoing2019, split) for split in SPLITS]
    pairs = np.concatenate([_positions(data)[_counts(data) >= 2][:, :2] for data in datasets])
    assert len(np.unique(pairs.round(6).reshape(len(pairs), -1), axis=0)) == len(pairs)


def test_splits_share_no_signal(make):
    banks = [make(Lemoing2019, split)._bank for split in SPLITS]
    seen = {signal.tobytes() for bank in banks for signal in bank.signals}
    assert len(seen) == sum(len(bank.signals) for bank in banks)


def test_s2_has_another_genre(make):
    assert [make(Lemoing2019, split).genre for split in SPLITS] == ["music"] * 4 + ["swing"]
    assert make(Lemoing2019, "s2", s2_genre="speech").genre == "speech"


@pytest.fixture
def folders(tmp_path):
    def fill(name, seed):
        (tmp_path / name).mkdir()
        for k in range(5):
            noise = np.random.default_rng(seed + k).standard_normal(8000) * 0.1
            soundfile.write(tmp_path / name / f"{k}.wav", noise, 16000)
        return str(tmp_path / name)

    return fill("classical", 0), fill("jazz", 100)


def test_s2_has_its_own_source_folder(make, folders):
    files = dict(zip(("sources", "s2_sources"), folders, strict=True))
    given = [make(Lemoing2019, split, **files).fingerprint() for split in ("test", "s2")]
    sources_only = [
        make(Lemoing2019, split, sources=folders[0]).fingerprint() for split in ("test", "s2")
    ]
    assert given[0] == sources_only[0]
    assert given[1] != sources_only[1] == make(Lemoing2019, "s2").fingerprint()
    names = make(Lemoing2019, "s2", **files)._bank.signals
    assert len(names) == 1


def test_a_missing_folder_for_s2_is_reported_with_its_path(make, tmp_path):
    missing = str(tmp_path / "nowhere")
    with pytest.raises(MissingDataError, match="nowhere"):
        make(Lemoing2019, "s2", s2_sources=missing).fingerprint()
    assert make(Lemoing2019, "test", s2_sources=missing).fingerprint()


@pytest.mark.parametrize("split", SPLITS)
def test_a_smaller_scale_has_the_first_scenes_of_a_larger_one(make, split):
    small, large = (_positions(make(Lemoing2019, split, scale), 50) for scale in ("smoke", "quick"))
    np.testing.assert_array_equal(small, large)


def test_a_tenth_of_the_training_split_has_its_first_scenes(make):
    whole, tenth = make(Lemoing2019, "train"), make(Lemoing2019, "train", train_share=0.1)
    assert (len(whole), len(tenth)) == (1000, 100)
    np.testing.assert_array_equal(_positions(whole, 100), _positions(tenth))
    np.testing.assert_array_equal(whole.scene(7).recording.audio, tenth.scene(7).recording.audio)
    assert whole.fingerprint() != tenth.fingerprint()


@pytest.mark.parametrize("split", SPLITS[1:])
def test_train_share_does_not_change_other_splits(make, split):
    whole, tenth = make(Lemoing2019, split), make(Lemoing2019, split, train_share=0.1)
    assert len(whole) == len(tenth)
    assert whole.fingerprint() == tenth.fingerprint()


def test_every_other_parameter_changes_the_fingerprint(make):
    params = [
        {}, {"genre": "speech"}, {"level_range": 10.0}, {"layout": "uniform"},
        {"aperture": 0.2}, {"wall_distance": 0.1}, {"array_centre": 2.0},
    ]  # fmt: skip
    assert len({make(Lemoing2019, **each).fingerprint() for each in params}) == len(params)


@pytest.mark.parametrize(
    ("name", "typed", "expected"),
    [
        ("train_share", "0", "a number from 0.01 to 1"),
        ("train_share", "all", "a value of type float"),
        ("level_range", "-3", "a number from 0 to 60"),
        ("s2_genre", "jazz", "one of speech, music, both, swing"),
        ("layout", "ring", "one of kinect, uniform"),
    ],
)
def test_an_invalid_parameter_is_an_error(name, typed, expected):
    with pytest.raises(ParameterError) as caught:
        _parameter(name).read(typed)
    assert name in caught.value.what
    assert expected in str(caught.value)


def test_the_error_for_an_unknown_split_lists_the_known_ones(make):
    with pytest.raises(UnknownNameError, match="no split 's3'") as caught:
        make(Lemoing2019, "s3")
    assert caught.value.expected == "one of train, validation, test, s1, s2"
