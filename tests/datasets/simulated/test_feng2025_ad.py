"""Documented properties of the Ad-1 and Ad-2 data sets of Feng et al."""

import subprocess
import sys

import numpy as np
import pytest

from helpers.delays import measured_tdoa
from sslbench.datasets.simulated.feng2025_ad import (
    ALL_IMAGES,
    BY_SCALE,
    PARAMETERS,
    SCALES,
    Feng2025Ad1,
    Feng2025Ad2,
)
from sslbench.errors import ParameterError, UnknownNameError
from sslbench.geometry import tdoa

DATASETS = [Feng2025Ad1, Feng2025Ad2]
SPLITS = ("train", "validation", "test")


def _settings(dataset, count=None):
    return [dataset._setting(index) for index in range(count or len(dataset))]


def _parameter(name):
    return next(each for each in PARAMETERS if each.name == name)


@pytest.mark.parametrize("dataset_class", DATASETS)
@pytest.mark.parametrize("scale", ["smoke", "quick"])
def test_a_recording_has_the_documented_format(make, dataset_class, scale):
    scene = make(dataset_class, scale=scale).scene(0)
    recording, microphones = scene.recording, scene.recording.array.positions
    assert recording.audio.shape == (SCALES[scale].microphones, 16000)
    assert recording.max_sources == dataset_class.speakers
    assert recording.frame is None
    np.testing.assert_array_equal(recording.times, [0.5])
    assert scene.truth.tracks.xyz.shape == (1, dataset_class.speakers, 3)
    np.testing.assert_array_equal(microphones[:, 2], 0.9)
    assert recording.region.flat
    assert recording.region.low == (0, 0, 0.95)
    assert recording.region.contains(scene.truth.tracks.xyz).all()
    sides = [recording.conditions[f"room_{side}_m"] for side in ("length", "width")]
    np.testing.assert_allclose(recording.region.size[:2], sides, atol=1e-3)


@pytest.mark.parametrize("dataset_class", DATASETS)
@pytest.mark.parametrize("scale", ["smoke", "quick", "paper"])
@pytest.mark.parametrize("split", SPLITS)
def test_a_data_set_has_the_documented_size(make, dataset_class, scale, split):
    assert len(make(dataset_class, split, scale)) == dataset_class.sizes[scale][split]


def test_the_paper_scale_is_that_of_the_paper(make):
    paper = SCALES["paper"]
    assert (paper.microphones, paper.seconds, paper.longest_t60) == (30, 2.0, 1.2)
    assert paper.order == ALL_IMAGES
    assert Feng2025Ad1.sizes["paper"] == {"train": 18000, "validation": 1800, "test": 1800}
    assert make(Feng2025Ad1, scale="paper").truth(0)[1].tracks.times == [1.0]


@pytest.mark.parametrize("dataset_class", DATASETS)
def test_sources_and_microphones_are_in_different_cells_of_the_room(make, dataset_class):
    for setting in _settings(make(dataset_class, scale="paper"), 200):
        places = np.concatenate([setting.sources, setting.microphones])
        assert len(places) == dataset_class.speakers + 30
        assert (places > 0).all()
        assert (places < setting.size).all()
        cells = np.floor(places[:, :2] / setting.size[:2] * 16)
        assert len(np.unique(cells, axis=0)) == len(places)


def test_rooms_and_conditions_are_uniformly_distributed(make):
    settings = _settings(make(Feng2025Ad1, "train", "paper"), 4000)
    quarters = [0.25, 0.5, 0.75]
    for values, low, high in (
        ([setting.size[0] for setting in settings], 4, 10),
        ([setting.size[1] for setting in settings], 4, 10),
        ([setting.t60 for setting in settings], 0.2, 1.2),
        ([setting.snr_db for setting in settings], 0, 50),
    ):
        assert low <= min(values)
        assert max(values) <= high
        part = (np.quantile(values, quarters) - low) / (high - low)
        np.testing.assert_allclose(part, quarters, atol=0.03)
    assert {setting.size[2] for setting in settings} == {4.2}


def test_positions_are_uniformly_distributed(make):
    settings = _settings(make(Feng2025Ad1, scale="paper"), 1500)
    plan = np.concatenate([setting.sources[:, :2] / setting.size[:2] for setting in settings])
    counts = np.histogram2d(*plan.T, bins=3, range=[[0, 1], [0, 1]])[0]
    assert counts.sum() == 1500
    assert counts.min() > 0.75 * 1500 / 9


@pytest.mark.parametrize("split", ["validation", "test"])
def test_validation_and_test_have_an_snr_of_10_to_20_db(make, split):
    drawn = [setting.snr_db for setting in _settings(make(Feng2025Ad1, split, "quick"))]
    assert 10 <= min(drawn) < 11
    assert 19 < max(drawn) <= 20


def test_the_quantisation_error_of_a_grid_is_that_of_the_paper(make):
    dataset = make(Feng2025Ad1, scale="paper")
    for cells, published in ((1, 2.705), (2, 1.340), (4, 0.687), (8, 0.340), (16, 0.174)):
        errors = []
        for setting in _settings(dataset):
            side = np.array(setting.size[:2]) / cells
            source = setting.sources[0, :2]
            errors.append(np.linalg.norm(source - (np.floor(source / side) + 0.5) * side))
        assert np.mean(errors) == pytest.approx(published, rel=0.04)


@pytest.mark.parametrize("dataset_class", DATASETS)
def test_a_smaller_scale_has_the_first_scenes_of_a_larger_one_with_fewer_microphones(
    make, dataset_class
):
    smoke, quick, paper = (
        _settings(make(dataset_class, scale=scale), 20) for scale in ("smoke", "quick", "paper")
    )
    for small, middle, large in zip(smoke, quick, paper, strict=True):
        assert small.size == middle.size == large.size
        assert small.snr_db == middle.snr_db == large.snr_db
        assert small.t60 == middle.t60
        assert large.t60 - 0.2 == pytest.approx(2.5 * (small.t60 - 0.2))
        np.testing.assert_array_equal(small.sources, large.sources)
        np.testing.assert_array_equal(small.microphones, large.microphones[:8])
        np.testing.assert_array_equal(middle.microphones, large.microphones[:16])


def test_splits_and_data_sets_share_no_room_and_no_position(make):
    drawn = [
        _settings(make(dataset_class, split), 40) for dataset_class in DATASETS for split in SPLITS
    ]
    settings = [setting for part in drawn for setting in part]
    places = np.concatenate([np.r_[each.sources, each.microphones] for each in settings])
    assert len({setting.size for setting in settings}) == len(settings)
    assert len(np.unique(places, axis=0)) == len(places)


@pytest.mark.parametrize("dataset_class", DATASETS)
def test_scenes_are_the_same_in_another_cache(make, dataset_class, tmp_path):
    first = make(dataset_class).scene(1).recording
    request = type(make(dataset_class).request)("test", "smoke", {}, None, tmp_path / "other")
    other = dataset_class(request).scene(1).recording
    np.testing.assert_array_equal(first.audio, other.audio)
    assert first.conditions == other.conditions


def test_the_ground_truth_needs_no_audio(make, monkeypatch):
    monkeypatch.setattr(Feng2025Ad2, "render", None)
    dataset = make(Feng2025Ad2)
    assert all(
        np.isfinite(dataset.truth(index)[1].tracks.xyz).all() for index in range(len(dataset))
    )


@pytest.mark.parametrize("dataset_class", DATASETS)
def test_the_signal_to_noise_ratio_is_that_of_the_conditions(make, dataset_class, monkeypatch):
    dataset = make(dataset_class)
    noisy, conditions, _ = dataset.render_one(2, dataset._bank)
    monkeypatch.setattr("sslbench.datasets.simulated.feng2025_ad.add_noise", _without_noise)
    clean, *_ = dataset.render_one(2, dataset._bank)
    # Both were scaled by different factors, so the gain is estimated first.
    gain = np.sum(noisy * clean) / np.sum(clean**2)
    noise = noisy - gain * clean
    measured = 10 * np.log10(np.mean((gain * clean) ** 2) / np.mean(noise**2))
    assert measured == pytest.approx(conditions["snr_db"], abs=0.1)


def _without_noise(audio, noise, snr_db):
    return audio


def test_two_sources_are_the_sum_of_both_equally_loud(make, monkeypatch):
    monkeypatch.setattr("sslbench.datasets.simulated.feng2025_ad.add_noise", _without_noise)
    dataset, parts, levels = make(Feng2025Ad2, order=0), [], []
    source_audio = Feng2025Ad2._source_audio

    def recorded(self, bank, rng, rirs):
        parts.append(source_audio(self, bank, rng, rirs))
        # A direct path is the delayed signal with the sum of the filter as gain.
        nearest = rirs.sum(axis=1).argmax()
        levels.append(np.sqrt(np.mean(parts[-1][nearest] ** 2)) / rirs[nearest].sum())
        return parts[-1]

    monkeypatch.setattr(Feng2025Ad2, "_source_audio", recorded)
    audio, *_ = dataset.render_one(0, dataset._bank)
    both = parts[0] + parts[1]
    assert len(parts) == 2
    np.testing.assert_allclose(audio, both * (0.1 / np.sqrt(np.mean(both**2))), atol=1e-5)
    np.testing.assert_allclose(levels, 1, rtol=0.05)
    assert np.abs(np.corrcoef(parts[0].ravel(), parts[1].ravel())[0, 1]) < 0.3


def test_order_0_is_anechoic_and_has_the_delays_of_the_ground_truth(make):
    dataset = make(Feng2025Ad1, order=0)
    errors = []
    for index in range(10):
        scene = dataset.scene(index)
        assert scene.recording.conditions["anechoic"]
        assert scene.recording.conditions["t60_s"] == 0
        expected = tdoa(scene.recording.array.positions, scene.truth.tracks.xyz[0, 0])
        errors.append(measured_tdoa(scene.recording.audio, 16000) - expected)
    assert np.mean(np.abs(errors) < 1 / 16000) > 0.9


def test_the_measured_t60_is_near_the_target_t60(make):
    dataset = make(Feng2025Ad1)
    conditions = [dataset.scene(index).recording.conditions for index in range(40)]
    wanted = np.array([each["t60_wanted_s"] for each in conditions])
    measured = np.array([each["t60_s"] for each in conditions])
    assert not any(each["anechoic"] for each in conditions)
    # Sabine's formula is not exact: the decay is faster in absorbing and slower in long rooms.
    assert np.abs(measured / wanted - 1).max() < 0.4
    assert np.median(np.abs(measured / wanted - 1)) < 0.15
    assert np.corrcoef(wanted, measured)[0, 1] > 0.9


def test_the_tail_has_nearly_the_t60_of_all_images(make):
    low, full = make(Feng2025Ad1), make(Feng2025Ad1, order=ALL_IMAGES)
    for index in (0, 1):
        a, b = (each.render_one(index, each._bank)[1]["t60_s"] for each in (low, full))
        assert a == pytest.approx(b, rel=0.1)


def test_a_recording_has_the_requested_length(make):
    scene = make(Feng2025Ad1, seconds=0.25, order=0).scene(0)
    assert scene.recording.audio.shape == (8, 4000)
    np.testing.assert_array_equal(scene.truth.tracks.times, [0.125])


def test_the_fingerprint_depends_on_scale_order_and_length(make):
    datasets = [
        make(Feng2025Ad1),
        make(Feng2025Ad2),
        make(Feng2025Ad1, scale="quick"),
        make(Feng2025Ad1, order=6),
        make(Feng2025Ad1, seconds=2.0),
    ]
    assert len({dataset.fingerprint() for dataset in datasets}) == len(datasets)
    assert make(Feng2025Ad1, order=BY_SCALE).fingerprint() == datasets[0].fingerprint()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("order", "-3", r"order=-3 is not allowed\n.*from -2 to 200\n.*diffuse tail"),
        ("order", "many", r"order=many is not allowed\n.*type int"),
        ("seconds", "-1", r"seconds=-1.0 is not allowed\n.*from 0 to 4\n.*length of a recording"),
        ("seconds", "0.01", r"seconds=0.01 is not allowed\n.*0, or a number from 0.1 to 4\n"),
    ],
)
def test_the_error_for_an_invalid_parameter_names_the_valid_values(name, text, message):
    with pytest.raises(ParameterError, match=message):
        _parameter(name).read(text)


def test_an_unknown_split_is_an_error(make):
    with pytest.raises(UnknownNameError, match="feng2025-ad2 has no split 'dev'"):
        make(Feng2025Ad2, "dev")


def test_listing_imports_nothing_heavy():
    code = (
        "import sys, sslbench.datasets.simulated.feng2025_ad;"
        "heavy = {'torch', 'pyroomacoustics', 'scipy', 'soxr', 'soundfile', 'filelock'};"
        "print(heavy & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
