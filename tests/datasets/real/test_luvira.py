"""The loader of LuViRA, with a miniature that follows its formats."""

import os
import shutil
import tracemalloc
import zipfile

import numpy as np
import pytest
import soundfile
import torch
from numpy.testing import assert_allclose, assert_array_equal

from helpers.luvira_files import (
    EDGE,
    RATE,
    csv,
    markers,
    opened,
    path,
    track,
    tracks,
    truth_file,
    tsv,
)
from helpers.wav_files import wav_bytes
from sslbench.acoustics.gcc import gcc_phat, largest_lag
from sslbench.acoustics.resampling import resample
from sslbench.contracts import Windowing
from sslbench.datasets import sslbench_datasets
from sslbench.datasets.real.luvira_frames import interpolated, silent_frames
from sslbench.datasets.simulated.luvira_sim import MICROPHONES
from sslbench.datasets.windows import Windows
from sslbench.geometry import tdoa
from sslbench.simulation.anechoic import render_anechoic
from sslbench.testing.conformance import check_dataset

TOLERANCE = 1e-5
"""Metres: files have micrometres, and the edge is found to a sample of 96 kHz."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def scene(hall, cache):
    return opened(hall, cache).scene(0)


def test_the_audio_is_that_of_the_tracks_at_16_khz(scene):
    sound = tracks("music3")
    given = np.stack([sound[f"Track {number}.wav"] for number in range(1, 12)])
    pcm = given.astype("<i2").astype(np.float32) / 32768
    assert scene.recording.sample_rate == 16000
    assert_allclose(scene.recording.audio, resample(pcm, RATE, 16000), atol=1e-6)


@pytest.mark.parametrize("subtype", ["PCM_24", "PCM_32", "FLOAT"])
def test_tracks_can_have_any_sample_format(broken, scene, subtype):
    for number in range(1, 13):
        samples, rate = soundfile.read(track(broken, number))
        soundfile.write(track(broken, number), samples, rate, subtype=subtype)
    dataset = opened(broken)
    assert_allclose(dataset.scene(0).recording.audio, scene.recording.audio, atol=1e-6)
    assert any(line.endswith(f"96000 Hz, {subtype}") for line in dataset.report())


def test_times_are_the_centres_of_frames_that_are_not_silent(scene):
    # The sound begins after 0.25 s: two frames are silent. The last row is captured at 1.09 s.
    expected = (np.arange(7) * 2048 + 1024) / 16000
    assert scene.recording.frame == 0.128
    assert_allclose(scene.recording.times, expected[1:])


def test_the_ground_truth_starts_at_the_edge_of_the_sync_track(scene):
    times = scene.recording.times - EDGE
    assert_allclose(scene.truth.tracks.xyz[:, 0], path(times), atol=TOLERANCE)
    assert scene.truth.tracks.active.all()


def test_a_microphone_is_halfway_between_its_two_markers(scene):
    assert_allclose(scene.recording.array.positions, MICROPHONES, atol=TOLERANCE)


def test_microphone_positions_are_medians_over_the_rows_in_which_both_markers_were_captured(
    broken, tmp_path
):
    points = markers()
    points["mic3a"][:40] += 0.5
    points["mic5b"][:90] = np.nan
    points["mic5a"][:90] += 1
    truth_file(broken).write_text(tsv(points))
    found = opened(broken).scene(0).recording.array.positions
    assert_allclose(found, MICROPHONES, atol=TOLERANCE)


def test_conditions_and_clusters_name_signal_and_trajectory(hall, cache):
    scenes = [opened(hall, cache, "test").scene(index) for index in range(2)]
    assert [scene.recording.id for scene in scenes] == ["music3", "speech3"]
    assert [scene.recording.conditions["signal"] for scene in scenes] == ["music", "speech"]
    assert [scene.clusters for scene in scenes] == [
        {"trajectory": "music3"},
        {"trajectory": "speech3"},
    ]


def test_music_and_speech_are_splits_of_their_own(hall, cache):
    for split, name in (("music", "music3"), ("speech", "speech3")):
        dataset = opened(hall, cache, split)
        assert [dataset.truth(index)[0] for index in range(len(dataset))] == [name]


def test_the_reference_is_given_only_if_requested(hall, cache, scene):
    assert scene.recording.reference is None
    recording = opened(hall, cache, reference=True).scene(0).recording
    own = tracks("music3")["Track 12.wav"].astype("<i2").astype(np.float32) / 32768
    assert_allclose(recording.reference, resample(own[None], RATE, 16000)[0], atol=1e-6)
    assert_array_equal(recording.audio, scene.recording.audio)


def test_the_hop_changes_the_times_only(hall, cache, scene):
    recording = opened(hall, cache, hop=256).scene(0).recording
    assert_allclose(np.diff(recording.times), 0.016)
    assert set(scene.recording.times.round(9)) <= set(recording.times.round(9))


def test_a_lower_threshold_requests_silent_frames_too(hall, cache):
    # The first frame lies before the start of the capture, and is not requested in any case.
    times = opened(hall, cache, silence_db=-200.0, hop=256).scene(0).recording.times
    assert 0.1 <= times[0] < 0.1 + 256 / 16000


def test_without_a_track_of_the_source_the_mean_over_microphones_decides(hall, cache, scene):
    recording = opened(hall, cache, source_track=0).scene(0).recording
    assert_array_equal(recording.times, scene.recording.times)


def test_frames_are_silent_by_power_relative_to_the_mean():
    sound = np.concatenate([np.zeros(2048), np.full(2048, 0.1), np.full(2048, 1.0)])
    starts = np.array([0, 2048, 4096])
    tracks_ = sound[None].astype(np.float32)
    for decibels, expected in ((-10.0, [1, 1, 0]), (-20.0, [1, 0, 0])):
        assert silent_frames(tracks_, tracks_, starts, decibels).tolist() == [*map(bool, expected)]
        none = np.zeros((0, 6144), np.float32)
        assert silent_frames(none, tracks_, starts, decibels).tolist() == [*map(bool, expected)]


def test_positions_are_interpolated_between_two_captured_rows_that_are_near():
    rows = np.array([[0.0, 0, 0, 0], [0.01, 1, 2, 3], [0.02, *[np.nan] * 3], [0.03, 1, 1, 1],
                     [0.2, 2, 2, 2], [0.21, 4, 4, 4]])  # fmt: skip
    found = interpolated(rows, np.array([-0.1, 0.0, 0.005, 0.015, 0.025, 0.1, 0.205, 0.3]))
    assert_allclose(found[[1, 2, 6]], [[0, 0, 0], [0.5, 1, 1.5], [3, 3, 3]])
    assert np.isnan(found[[0, 3, 4, 5, 7]]).all()


def test_frames_without_ground_truth_are_left_out_and_counted(broken):
    points = markers()
    points["speaker"][40:60] = np.nan
    truth_file(broken).write_text(tsv(points))
    dataset = opened(broken)
    times = dataset.scene(0).recording.times
    # 0.5 to 0.7 s of the audio: one centre of a frame lies there, that at 0.576 s.
    assert_allclose(times, (np.array([1, 2, 3, 5, 6]) * 2048 + 1024) / 16000)
    assert (
        "music3: 5 of 7 frames are requested; left out: 1 silent, 1 without ground truth"
        in dataset.report()
    )


def test_the_report_says_what_was_found_and_what_is_assumed(hall, cache):
    report = "\n".join(opened(hall, cache).report())
    for text in (
        "music3: tracks of 1.00 s at 96000 Hz, PCM_16",
        "music3: music0003.tsv: 3D TSV of Qualisys, 100 rows at 100 Hz, 100.0 % of them with",
        "music3: the motion capture starts at 0.1000 s of the audio",
        "music3: 6 of 7 frames are requested; left out: 1 silent, 0 without ground truth",
        "assumed: silent frames are 20 dB below the mean power of track 12",
        "assumed: the motion capture starts at: edge (sync)",
    ):
        assert text in report


def test_zip_files_give_the_same_recordings_as_folders(hall, tmp_path):
    for archive, folder in (("Audio_only", "audio_only"), ("Ground_truth_raw", "ground_truth")):
        shutil.make_archive(str(tmp_path / archive), "zip", hall, folder)
    one, other = opened(hall, tmp_path / "cache", "test"), opened(tmp_path, split="test")
    assert one.fingerprint() == other.fingerprint()
    for index in range(2):
        a, b = one.scene(index), other.scene(index)
        assert_array_equal(a.recording.audio, b.recording.audio)
        assert_array_equal(a.truth.tracks.xyz, b.truth.tracks.xyz)
    assert not list((tmp_path / "cache").rglob("*.wav"))


def test_a_file_that_is_also_in_a_zip_file_is_read_unpacked(broken):
    with zipfile.ZipFile(broken / "Audio_only.zip", "w") as archive:
        archive.writestr("audio_only/music0003/Track 1.wav", b"damaged")
    assert len(opened(broken).scene(0).recording.times)


def test_the_parameter_root_names_the_folder_and_is_no_part_of_the_identity(hall, cache):
    one, other = opened(hall, cache), opened(None, cache, root=str(hall))
    assert one.fingerprint() == other.fingerprint()
    assert_array_equal(one.scene(0).recording.audio, other.scene(0).recording.audio)


def test_the_tracks_are_read_once(broken):
    first = opened(broken).scene(0)
    for number in range(1, 13):
        file = track(broken, number)
        changed = file.stat()
        file.write_bytes(b"\0" * changed.st_size)
        os.utime(file, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    assert_array_equal(opened(broken).scene(0).recording.audio, first.recording.audio)


def test_a_repaired_track_is_converted_again(broken):
    file = track(broken, 4)
    sound = np.random.default_rng(3).integers(-1000, 1000, RATE)
    before = opened(broken).scene(0).recording.audio
    file.write_bytes(wav_bytes(sound, RATE))
    after = opened(broken).scene(0).recording.audio
    assert (before != after).any(axis=1).tolist() == [number == 3 for number in range(11)]


@pytest.mark.parametrize("file", ["about.json", "audio.npy", "trajectory.npy"])
def test_a_damaged_local_form_is_made_again(broken, file):
    expected = opened(broken).scene(0).recording.audio
    (found,) = broken.glob(f"cache/luvira/*/{file}")
    found.write_bytes(found.read_bytes()[:100])
    assert_array_equal(opened(broken).scene(0).recording.audio, expected)


def test_the_fingerprint_depends_on_parameters_sizes_and_ground_truth(broken):
    changes = [{}, {"hop": 1024}, {"without": "4"}, {"held_out": 3, "sync": "0.1"}]
    prints = [opened(broken, **change).fingerprint() for change in changes]
    points = markers()
    points["speaker"][3, 0] += 0.001
    truth_file(broken).write_text(tsv(points))
    prints.append(opened(broken).fingerprint())
    track(broken, 7).write_bytes(wav_bytes(np.ones(RATE + 1), RATE))
    prints.append(opened(broken).fingerprint())
    assert len(set(prints)) == 6


def test_microphones_can_be_left_out(broken):
    track(broken, 4).unlink()
    truth_file(broken).write_text(tsv(markers(numbers=[1, 2, 3, *range(5, 12)])))
    recording = opened(broken, without="4").scene(0).recording
    assert_allclose(recording.array.positions, np.delete(MICROPHONES, 3, axis=0), atol=TOLERANCE)


def test_tracks_can_be_in_another_order(broken, scene):
    track(broken, 1).rename(track(broken, 13))
    recording = opened(broken, tracks="13+2-11").scene(0).recording
    assert_array_equal(recording.audio, scene.recording.audio)


def test_marker_names_and_the_unit_are_parameters(broken, scene):
    points = markers(name="M{:02d}-{}")
    points["Loudspeaker"] = points.pop("speaker")
    truth_file(broken).write_text(tsv({name: xyz / 1000 for name, xyz in points.items()}, digits=7))
    found = opened(broken, markers="m#-*", source="loudspeaker", unit="m").scene(0)
    assert_allclose(found.truth.tracks.xyz, scene.truth.tracks.xyz, atol=TOLERANCE)


@pytest.mark.parametrize(("sync", "start"), [("start", 0.0), ("0.05", 0.05)])
def test_the_start_of_the_capture_can_be_given(broken, sync, start):
    (broken / "audio_only" / "music0003" / "Sync.wav").unlink()
    scene = opened(broken, sync=sync).scene(0)
    expected = path(scene.recording.times - start)
    assert_allclose(scene.truth.tracks.xyz[:, 0], expected, atol=TOLERANCE)


def test_a_step_is_an_edge_as_well_as_a_pulse(broken):
    step = np.full(RATE, -3000)
    step[round(0.05 * RATE) :] = 9000
    (broken / "audio_only" / "music0003" / "Sync.wav").write_bytes(wav_bytes(step, RATE))
    scene = opened(broken).scene(0)
    expected = path(scene.recording.times - 0.05)
    assert_allclose(scene.truth.tracks.xyz[:, 0], expected, atol=TOLERANCE)


def test_the_source_can_be_read_from_the_processed_csv(broken, scene):
    truth_file(broken).unlink()
    target = broken / "ground_truth" / "extracted" / "music0003.csv"
    target.parent.mkdir()
    target.write_text(csv())
    found = opened(broken, ground_truth="csv", microphones="published").scene(0)
    assert_allclose(found.truth.tracks.xyz, scene.truth.tracks.xyz, atol=TOLERANCE)
    assert_allclose(found.recording.array.positions, MICROPHONES)


def test_the_other_six_recordings_are_for_training(all_recordings, cache):
    for held_out in (1, 3):
        others = [n for n in range(1, 5) if n != held_out]
        for split in ("train", "validation"):
            dataset = opened(all_recordings, cache, split, held_out=held_out)
            ids = [dataset.truth(index)[0] for index in range(len(dataset))]
            assert ids == [f"{kind}{n}-{split}" for kind in ("music", "speech") for n in others]


def test_validation_is_the_end_of_each_training_recording_after_a_gap(all_recordings, cache):
    parts = [opened(all_recordings, cache, split).scene(0) for split in ("train", "validation")]
    whole = opened(all_recordings, cache, "music", held_out=1).scene(0).recording.audio
    train, validation = (part.recording.audio for part in parts)
    end = int(0.85 * whole.shape[1])
    assert_array_equal(train, whole[:, :end])
    assert_array_equal(validation, whole[:, end + 16000 :])
    times = parts[1].recording.times + (end + 16000) / 16000 - EDGE
    assert_allclose(parts[1].truth.tracks.xyz[:, 0], path(times), atol=TOLERANCE)


def test_a_window_is_that_of_the_recording_with_the_reference(all_recordings, cache):
    dataset = opened(all_recordings, cache, "validation", reference=True, hop=200)
    whole = dataset.scene(2).recording
    for rows, context in ((slice(3, 9), 0.0), (slice(0, 2), 0.05), (slice(2, 40), 1.0)):
        window = dataset.window(2, rows, context)
        expected = whole.window(rows, context)
        assert window.recording.id == whole.id
        assert_array_equal(window.recording.audio, expected.audio)
        assert_array_equal(window.recording.reference, expected.reference)
        assert_allclose(window.recording.times, expected.times)
        assert_array_equal(window.recording.frames(), whole.frames()[rows])
        assert len(window.truth.tracks.times) == len(window.recording.times)


def test_training_windows_report_what_the_recordings_report(all_recordings, cache):
    dataset = opened(all_recordings, cache, "train")
    windows = Windows(dataset, Windowing(rows=4))
    assert windows.report() == dataset.report()
    assert windows.scene(0).recording.audio.shape == (11, 4 * 2048)


def test_a_window_reads_only_its_part(all_recordings, cache):
    dataset = opened(all_recordings, cache, "speech")
    dataset.prepare()
    tracemalloc.start()
    try:
        dataset.window(0, slice(5, 7))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # Two frames of eleven channels have 0.2 MB, the recording has 8 MB.
    assert peak < 1e6


def test_the_loader_keeps_the_contract_of_data_sets(all_recordings):
    spec = next(each for each in sslbench_datasets() if each.name == "luvira")
    assert check_dataset(spec, all_recordings) == []


def test_delays_between_channels_agree_with_the_positions(broken):
    place = np.array([1.2, -0.7, 1.1])
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((1, RATE), dtype=np.float32)
    sound = render_anechoic(noise, [place], MICROPHONES, RATE)[0] * 3000
    for number, samples in enumerate(sound, start=1):
        track(broken, number).write_bytes(wav_bytes(np.round(samples), RATE))
    truth_file(broken).write_text(tsv(markers() | {"speaker": np.tile(place, (100, 1))}))
    recording = opened(broken).scene(0).recording
    lag = largest_lag(MICROPHONES, 16000, 343.0)
    correlation = gcc_phat(torch.tensor(recording.frames()[3]), lag)
    measured = correlation.argmax(dim=-1).numpy() - lag
    assert_allclose(measured, tdoa(recording.array.positions, place) * 16000, atol=0.6)


def test_another_rate_of_all_tracks_is_accepted_and_reported(all_recordings, cache):
    report = opened(all_recordings, cache, "music").report()
    assert any("at 16000 Hz (96000 Hz are published)" in line for line in report)
