"""Alterations change the scenes of any data set, with a fingerprint of their own."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import signal

from helpers.world_scenes import Walk
from sslbench.cell import Choice
from sslbench.contracts import Dataset, DatasetRequest, Incompatible
from sslbench.datasets.alterations import ALTERATIONS, Altered
from sslbench.errors import GeometryError
from sslbench.geometry import fibonacci_sphere
from sslbench.registry import Registry, load_target
from sslbench.scene import MicArray, Prediction, Recording, Scene, Tracks
from sslbench.selection import choices, parse
from sslbench.simulation import noise as noise_module
from sslbench.simulation.noise import DiffuseField, add_noise
from sslbench.specs import DatasetSpec

SPECS = {spec.name: spec for spec in ALTERATIONS}


def altered(inner, text):
    """Return a data set with alterations as they are typed: `mics[n=2]+noise`."""
    first, *others = text.split("+")
    item = parse(first).item
    spec = SPECS[item.pattern]
    (choice,) = choices(spec, item)
    made = load_target(spec.target, text)(**choice.params)
    found = Altered(inner, made, choice, spec.version)
    return altered(found, "+".join(others)) if others else found


def request(split="test", **params):
    return DatasetRequest(split, "smoke", params, None, Path("cache"))


@pytest.fixture
def walk():
    return Walk(request())


@pytest.fixture
def simulated(tmp_path, monkeypatch):
    """Return a few scenes of a simulated data set of two line arrays with 8 microphones."""
    spec = Registry.installed().find(DatasetSpec, "feng2025-l1").spec
    made = load_target(spec.target, spec.name)
    monkeypatch.setattr(made, "sizes", {"smoke": {"test": 5}})
    monkeypatch.setattr(made, "chunk", 5)
    params = {parameter.name: parameter.default for parameter in spec.parameters}
    return made(DatasetRequest("test", "smoke", params, None, tmp_path / "cache"))


@pytest.fixture(params=["simulated", "recordings"])
def data(request):
    """Return a simulated data set, and a folder of recordings with 5 microphones."""
    if request.param == "simulated":
        return request.getfixturevalue("simulated")
    return request.getfixturevalue("positions")().dataset()


class Ambisonic(Dataset):
    """One recording in first-order ambisonics."""

    def __len__(self):
        return 1

    def scene(self, index):
        rng = np.random.default_rng(0)
        recording = Recording(
            id="foa",
            audio=rng.standard_normal((4, 16000)).astype(np.float32),
            sample_rate=16000,
            array=MicArray(format="foa"),
            times=np.array([0.5]),
            kind="direction",
        )
        return Scene(recording, Prediction(Tracks.still(recording, [1.0, 0, 0])))

    def fingerprint(self):
        return hashlib.sha256(b"foa").hexdigest()


def kept(dataset, index=0):
    """Return the channels that are left, by their first samples."""
    whole = dataset.inner.scene(index).recording.audio[:, :50]
    return [
        int(np.flatnonzero((whole == row).all(axis=1))[0])
        for row in dataset.scene(index).recording.audio[:, :50]
    ]


def level(before, after):
    """Return the ratio of signal and added noise in dB."""
    noise = after.astype(float) - before
    return 10 * np.log10(np.mean(np.square(before, dtype=float)) / np.mean(noise**2))


@pytest.mark.parametrize("name", ["mics", "hide_positions", "noise", "noise[kind=diffuse]"])
def test_an_altered_scene_is_the_same_at_every_call(data, name):
    first, second = (altered(data, name).scene(1) for _ in range(2))
    assert_array_equal(first.recording.audio, second.recording.audio)
    assert_array_equal(first.recording.array.positions, second.recording.array.positions)


@pytest.mark.parametrize("name", ["mics", "hide_positions", "noise", "mix"])
def test_the_ground_truth_is_that_of_the_scene(data, name):
    changed = altered(data, name)
    scene, (found, truth) = changed.scene(2), changed.truth(2)
    assert found == scene.recording.id
    assert_array_equal(truth.tracks.xyz, scene.truth.tracks.xyz)
    assert_array_equal(truth.tracks.times, scene.recording.times)


def test_an_altered_data_set_has_as_many_scenes(data):
    assert len(altered(data, "mics+noise")) == len(data)


TEXTS = [
    "mics",
    "mics[n=3]",
    "mics[pick=random]",
    "mics[seed=1]",
    "hide_positions",
    "hide_positions[n=2]",
    "reference",
    "reference[show=false]",
    "noise",
    "noise[snr_db=3]",
    "noise[kind=diffuse]",
    "mix",
    "mix[n=3]",
    "mics+noise",
    "noise+mics",
    "noise+noise",
]


def test_fingerprints_differ(data):
    prints = [data.fingerprint(), *(altered(data, text).fingerprint() for text in TEXTS)]
    assert len(set(prints)) == len(prints)
    assert all(len(each) == 64 for each in prints)
    assert [altered(data, text).fingerprint() for text in TEXTS] == prints[1:]


def test_the_fingerprint_depends_on_the_version_of_the_alteration(walk):
    one = altered(walk, "mics")
    other = Altered(walk, one.alteration, one.choice, 2)
    assert one.fingerprint() != other.fingerprint()


def test_the_first_microphones_are_kept(data):
    scene, whole = altered(data, "mics[n=3]").scene(0), data.scene(0)
    assert_array_equal(scene.recording.audio, whole.recording.audio[:3])
    assert_array_equal(scene.recording.array.positions, whole.recording.array.positions[:3])


def test_random_microphones_are_nested_and_in_their_order(data):
    sets = [kept(altered(data, f"mics[n={n},pick=random]")) for n in (2, 3, 4)]
    assert [len(each) for each in sets] == [2, 3, 4]
    assert set(sets[0]) < set(sets[1]) < set(sets[2])
    assert all(each == sorted(each) for each in sets)


def test_random_microphones_depend_on_seed_and_recording(simulated):
    drawn = {
        (seed, index): tuple(kept(altered(simulated, f"mics[n=4,pick=random,seed={seed}]"), index))
        for seed in (0, 1)
        for index in range(5)
    }
    assert len({drawn[0, index] for index in range(5)}) > 1
    assert [drawn[0, index] for index in range(5)] != [drawn[1, index] for index in range(5)]


def test_more_microphones_than_there_are_is_incompatible(data):
    channels = data.scene(0).recording.array.channels
    with pytest.raises(Incompatible, match=f"there are only {channels} microphones"):
        altered(data, f"mics[n={channels + 1}]").scene(0)


def test_hidden_positions_are_nan_and_part_of_the_ground_truth(data):
    scene, whole = altered(data, "hide_positions[n=2]").scene(0), data.scene(0)
    shown, sought = scene.recording.array.positions, scene.truth.microphones
    hidden = np.isnan(shown).all(axis=1)
    assert hidden.sum() == 2
    assert_array_equal(np.isfinite(sought).all(axis=1), hidden)
    assert_array_equal(np.where(hidden[:, None], sought, shown), whole.recording.array.positions)
    assert_array_equal(scene.recording.audio, whole.recording.audio)


def test_hidden_positions_are_nested(data):
    few, many = (altered(data, f"hide_positions[n={n}]").scene(0).truth for n in (1, 3))
    assert set(np.flatnonzero(np.isfinite(few.microphones[:, 0]))) < set(
        np.flatnonzero(np.isfinite(many.microphones[:, 0]))
    )


def test_positions_that_are_hidden_in_two_steps_are_all_sought(data):
    truth = altered(data, "hide_positions+hide_positions").scene(0).truth
    assert np.isfinite(truth.microphones).all(axis=1).sum() == 2


def test_more_positions_than_are_known_cannot_be_hidden(walk):
    with pytest.raises(Incompatible, match="there are only 2 positions"):
        altered(walk, "hide_positions[n=2]+hide_positions[n=3]").scene(0)


def test_hidden_positions_of_removed_microphones_are_not_sought(data):
    changed = altered(data, "hide_positions[n=3]+mics[n=4]")
    scene, (_, truth) = changed.scene(0), changed.truth(0)
    assert scene.truth.microphones.shape == (4, 3)
    assert_array_equal(truth.microphones, scene.truth.microphones)
    hidden = np.isnan(scene.recording.array.positions).all(axis=1)
    assert_array_equal(np.isfinite(truth.microphones).all(axis=1), hidden)


def test_the_reference_is_removed_or_shown(walk):
    assert altered(walk, "reference").scene(0).recording.reference is not None
    assert altered(walk, "reference[show=false]").scene(0).recording.reference is None


def test_a_reference_that_does_not_exist_cannot_be_shown(data):
    with pytest.raises(Incompatible, match="no microphone at the source"):
        altered(data, "reference").scene(0)


@pytest.mark.parametrize("kind", ["white", "diffuse"])
@pytest.mark.parametrize("snr_db", [-5.0, 20.0])
def test_noise_has_its_level(data, kind, snr_db):
    changed = altered(data, f"noise[kind={kind},snr_db={snr_db}]")
    ratios = [
        level(data.scene(index).recording.audio, changed.scene(index).recording.audio)
        for index in range(5)
    ]
    assert np.mean(ratios) == pytest.approx(snr_db, abs=0.5)
    assert changed.scene(0).recording.conditions["added_snr_db"] == snr_db


def test_noise_depends_on_seed_and_recording(walk):
    drawn = [
        altered(walk, text).scene(index).recording.audio - walk.scene(index).recording.audio
        for text, index in (("noise", 0), ("noise", 1), ("noise[seed=1]", 0))
    ]
    for one, other in ((0, 1), (0, 2)):
        assert abs(np.corrcoef(drawn[one].ravel(), drawn[other].ravel())[0, 1]) < 0.02


def test_white_noise_is_independent_between_microphones(walk):
    noise = (
        altered(walk, "noise[snr_db=0]").scene(0).recording.audio - walk.scene(0).recording.audio
    )
    correlation = np.corrcoef(noise) - np.eye(4)
    assert np.abs(correlation).max() < 0.03


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 1), (1, 2, 2)])
def test_plane_waves_of_a_diffuse_field_have_the_coherence_of_an_isotropic_field(axis):
    distance, speed = 0.5, 343.0
    place = distance * np.array(axis) / np.linalg.norm(axis)
    array = MicArray(np.array([[0.0, 0, 0], place]))
    field = DiffuseField(array, 200, round(4 * speed / distance), speed)
    frequency = field.frequency
    waves = [
        field._response(number, direction)
        for number, direction in enumerate(fibonacci_sphere(noise_module.PLANE_WAVES))
    ]
    coherence = np.mean([first * second.conj() for first, second in waves], axis=0)
    assert np.abs(coherence - np.sinc(2 * frequency * distance / speed)).max() < 0.02


def test_diffuse_noise_has_the_coherence_of_an_isotropic_field():
    rate, speed, distance = 4000, 343.0, 0.15
    array = MicArray(np.array([[1.0, 1, 1], [1.1, 1.1, 1.05]]))
    noise = DiffuseField(array, 16 * rate, rate, speed).draw(np.random.default_rng(0))
    frequency, cross = signal.csd(*noise, fs=rate, nperseg=128)
    power = [signal.welch(channel, fs=rate, nperseg=128)[1] for channel in noise]
    coherence = cross / np.sqrt(power[0] * power[1])
    # Of 1000 segments that overlap by half, the statistical error is about 0.04.
    error = np.abs(coherence - np.sinc(2 * frequency * distance / speed))[2:-2]
    assert error.max() < 0.15
    assert np.sqrt(np.mean(error**2)) < 0.06


def test_diffuse_noise_of_ambisonics_has_its_level_and_powers():
    data = Ambisonic(request())
    noise = DiffuseField(MicArray(format="foa"), 64000, 16000, 343.0).draw(np.random.default_rng(0))
    w, *gradients = np.mean(noise.astype(float) ** 2, axis=1)
    assert np.array(gradients) / w == pytest.approx([1 / 3] * 3, rel=0.08)
    assert np.abs(np.corrcoef(noise) - np.eye(4)).max() < 0.03
    changed = altered(data, "noise[kind=diffuse,snr_db=10]").scene(0).recording
    assert level(data.scene(0).recording.audio, changed.audio) == pytest.approx(10, abs=0.3)


def test_diffuse_noise_needs_known_positions(walk):
    with pytest.raises(GeometryError, match="add noise before positions are hidden"):
        altered(walk, "hide_positions+noise[kind=diffuse]").scene(0)
    assert (
        altered(walk, "noise[kind=diffuse]+hide_positions").scene(0).truth.microphones is not None
    )


def test_silence_stays_silent():
    silence = np.zeros((2, 100), np.float32)
    assert not add_noise(silence, np.ones((2, 100), np.float32), 10.0).any()


@pytest.mark.parametrize("name", ["mics", "hide_positions"])
def test_encoded_formats_have_no_single_microphones(name):
    with pytest.raises(Incompatible, match=f"{name}: foa has no single microphones"):
        altered(Ambisonic(request()), name).scene(0)


def test_a_mix_is_the_sum_of_its_recordings(data):
    mixed, count = altered(data, "mix[n=3]").scene(0), len(data)
    scenes = {scene.recording.id: scene for scene in map(data.scene, range(count))}
    names = mixed.recording.id.split("+")
    assert (len(names), len(set(names))) == (3, 3)
    assert names[0] == data.truth(0)[0]
    audio = sum(scenes[name].recording.audio for name in names)
    assert_array_equal(mixed.recording.audio, audio.astype(np.float32))
    truth = np.concatenate([scenes[name].truth.tracks.xyz for name in names], axis=1)
    assert_array_equal(mixed.truth.tracks.xyz, truth)


def test_a_mix_has_an_id_per_source_and_more_sources_at_once(walk):
    mixed = altered(walk, "mix").scene(0)
    assert mixed.truth.tracks.ids.tolist() == [0, 1, 2, 3]
    assert mixed.recording.max_sources == 4
    assert mixed.recording.reference is None


def test_a_mix_keeps_the_identities_within_each_recording(walk, monkeypatch):
    scene = Walk.scene

    def renamed(self, index):
        found = scene(self, index)
        tracks = replace(found.truth.tracks, ids=np.array([7, 7 - index]))
        return replace(found, truth=replace(found.truth, tracks=tracks))

    monkeypatch.setattr(Walk, "scene", renamed)
    ids = altered(walk, "mix[n=3]").scene(0).truth.tracks.ids
    # The two columns of the first recording are one source.
    assert ids[0] == ids[1]
    assert len(set(ids)) == 5


def test_a_mix_is_as_long_as_the_shortest_recording(walk, monkeypatch):
    scene = Walk.scene

    def shortened(self, index):
        found = scene(self, index)
        rows = slice(0, 40 - 5 * index)
        tracks = found.truth.tracks
        cut = Tracks.of(tracks.times[rows], tracks.xyz[rows], "position", tracks.active[rows])
        recording = replace(
            found.recording,
            times=found.recording.times[rows],
            audio=found.recording.audio[:, : 33600 - 4000 * index],
        )
        return replace(found, recording=recording, truth=Prediction(cut))

    monkeypatch.setattr(Walk, "scene", shortened)
    mixed = altered(walk, "mix[n=3]").scene(0)
    assert mixed.recording.audio.shape == (4, 33600 - 8000)
    assert mixed.truth.tracks.xyz.shape == (30, 6, 3)


def test_recordings_of_different_arrays_are_not_mixed(walk, monkeypatch):
    scene = Walk.scene

    def moved(self, index):
        found = scene(self, index)
        array = MicArray(found.recording.array.positions + 0.1 * index)
        return replace(found, recording=replace(found.recording, array=array))

    monkeypatch.setattr(Walk, "scene", moved)
    with pytest.raises(Incompatible, match="test has not enough recordings of the same array"):
        altered(walk, "mix").scene(0)


def test_the_same_random_microphones_can_be_mixed(walk):
    assert altered(walk, "mics[n=2]+mix").scene(0).recording.audio.shape[0] == 2


def test_a_mix_seeks_the_hidden_positions(walk, monkeypatch):
    hidden = altered(walk, "hide_positions+mix")
    monkeypatch.setattr(Altered, "_rng", lambda self, index: np.random.default_rng(0))
    scene = hidden.scene(0)
    assert np.isfinite(scene.truth.microphones).all(axis=1).sum() == 1


def test_the_choice_of_an_alteration_is_kept(walk):
    assert altered(walk, "mics[n=2]").choice == Choice(
        "mics", {"n": 2, "pick": "first", "seed": 0}, ("n",)
    )
