"""NGCC-PHAT as a part: training, what it gives to methods, and what it refuses."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from sslbench.acoustics.gcc import gcc_phat, largest_lag
from sslbench.contracts import Incompatible
from sslbench.errors import CellError, FormatError, GeometryError
from sslbench.geometry import microphone_pairs, tdoa
from sslbench_ngcc import part as part_module
from sslbench_ngcc.frames import FADE, known_frame, network_input, normalized
from sslbench_ngcc.networks import BACKGROUND_MOMENTUM, NgccNetwork
from sslbench_ngcc.part import NgccPhat

LAGS = 40


def frame_of(scene):
    """Return the frame at the first time of a scene, shape (1, microphones, 2048)."""
    return torch.tensor(scene.recording.frames()[0])[None]


@pytest.fixture
def frames(make_scene):
    return frame_of(make_scene(7))


def test_delays_are_log_probabilities_of_all_pairs(part, frames):
    found = part.delays(frames, LAGS)
    assert found.shape == (1, 6, 2 * LAGS + 1)
    assert torch.allclose(found.exp().sum(dim=-1), torch.ones(1, 6), atol=1e-5)


def test_delays_have_pairs_and_sign_of_gcc_phat_and_of_the_geometry(part, make_scene):
    scene = make_scene(5)
    mics, speed = scene.recording.array.positions, scene.recording.speed_of_sound
    lags = largest_lag(mics, 16000, speed)
    delays = tdoa(mics, scene.truth.tracks.xyz[0, 0], speed) * 16000
    expected = gcc_phat(frame_of(scene), lags)[0].argmax(dim=-1).numpy() - lags
    found = part.delays(frame_of(scene), lags)[0].argmax(dim=-1).numpy() - lags
    assert np.abs(expected - delays).max() <= 1
    assert np.abs(found - delays).max() <= 1


def test_symmetric_delays_of_exchanged_microphones_are_mirrored(part, frames):
    there = part.symmetric_delays(frames, LAGS)
    back = part.symmetric_delays(frames.flip(1), LAGS)
    # In reverse order the pairs (0, 1), (0, 2), (0, 3), ... are (3, 2), (3, 1), (3, 0), ...
    assert torch.allclose(there, back[:, [5, 4, 2, 3, 1, 0]].flip(-1), atol=1e-4)
    assert torch.allclose(there.exp().sum(dim=-1), torch.ones(1, 6), atol=1e-5)


def test_the_level_of_a_microphone_does_not_matter(part, frames):
    scaled = frames * torch.tensor([1.0, 10.0, 0.01, 3.0])[:, None] + 0.5
    assert torch.allclose(part.delays(scaled, LAGS), part.delays(frames, LAGS), atol=1e-3)


def test_a_batch_gives_the_same_as_single_frames(part, make_scene):
    frames = torch.cat([frame_of(make_scene(index)) for index in range(3)])
    alone = torch.cat([part.delays(frame[None], LAGS) for frame in frames])
    assert torch.allclose(part.delays(frames, LAGS), alone, atol=1e-4)


def test_all_lags_of_a_silent_microphone_are_equally_likely(part, frames):
    frames[:, 1] = 0.25
    found = part.delays(frames, LAGS)
    uniform = torch.full((2 * LAGS + 1,), -math.log(2 * LAGS + 1))
    assert torch.allclose(found[0, 0], uniform, atol=1e-5)
    assert not torch.allclose(found[0, 1], uniform, atol=1e-2)


def test_a_wider_array_than_in_training_works(part, frames):
    wide = part.max_lag + 200
    assert part.delays(frames, wide).shape == (1, 6, 2 * wide + 1)


def test_the_range_of_lags_is_what_the_geometry_of_the_training_allows(part, make_scene):
    recording = make_scene(0).recording
    allowed = largest_lag(recording.array.positions, 16000, recording.speed_of_sound)
    assert part.max_lag == allowed


@pytest.mark.parametrize("lags", [0, 2049])
def test_lags_that_a_frame_does_not_have_are_an_error(part, frames, lags):
    with pytest.raises(GeometryError, match=f"delays of up to {lags} samples"):
        part.delays(frames, lags)


def test_one_microphone_is_an_error(part, frames):
    with pytest.raises(GeometryError, match=r"1 microphone[^s]*expected: at least two"):
        part.delays(frames[:, :1], LAGS)


def test_frames_of_another_length_are_an_error(part, frames):
    with pytest.raises(FormatError, match=r"frames of shape \(1, 4, 1000\)"):
        part.delays(frames[..., :1000], LAGS)


def test_use_before_training_is_an_error(frames):
    with pytest.raises(CellError, match="used before it was trained"):
        NgccPhat().delays(frames, LAGS)


def test_a_loaded_part_gives_the_same(noise, context, briefly, frames, tmp_path):
    trained, again = NgccPhat(), NgccPhat()
    trained.fit(noise("train"), noise("validation"), context)
    folder = tmp_path / "saved"
    folder.mkdir()
    trained.save(folder)
    again.load(folder)
    assert torch.equal(again.delays(frames, LAGS), trained.delays(frames, LAGS))
    assert again.max_lag == trained.max_lag
    assert again.report == trained.report


def test_evidence_is_the_log_probability_minus_its_mean_in_training(part, frames):
    network = part.network
    expected = part.delays(frames, part.max_lag) - network.background
    torch.testing.assert_close(part.evidence(frames, part.max_lag), expected)


def test_lags_beyond_those_of_the_training_have_the_mean_of_the_longest(part):
    mean = part.network.background
    longer = part.background(part.max_lag + 3)
    torch.testing.assert_close(longer[3:-3], mean)
    assert (longer[:4] == mean[0]).all()
    assert (longer[-4:] == mean[-1]).all()
    torch.testing.assert_close(part.background(part.max_lag - 2), mean[2:-2])


def test_a_silent_microphone_is_no_evidence(part, frames):
    silenced = frames.clone()
    silenced[:, 0] = 0
    found = part.evidence(silenced, LAGS)
    i, j = microphone_pairs(frames.shape[1])
    silent = (i == 0) | (j == 0)
    assert (found[:, silent] == 0).all()
    assert (found[:, ~silent] != 0).any()


def test_the_background_is_the_running_mean_of_training(noise, context, briefly, monkeypatch):
    steps = []
    update = NgccNetwork.update_background

    def noted(network, logits):
        steps.append(logits.detach().log_softmax(dim=-1).mean(dim=(0, 1)))
        update(network, logits)

    monkeypatch.setattr(NgccNetwork, "update_background", noted)
    trained = NgccPhat()
    trained.fit(noise("train"), noise("validation"), context)
    (mean,) = steps
    start = torch.full_like(mean, -math.log(len(mean)))
    expected = start + BACKGROUND_MOMENTUM * (mean - start)
    torch.testing.assert_close(trained.network.background, expected)


def test_the_report_compares_with_both_whitenings_here_and_in_another_room(part):
    names = {f"within_10cm_{name}" for name in ("ngcc", "phat", "whitened")}
    assert set(part.report) == names | {f"{name}_other_room" for name in names}
    assert all(0 <= value <= 1 for value in part.report.values())


def test_a_network_that_learned_finds_delays_in_free_field(part):
    assert part.report["within_10cm_ngcc"] > 0.9


@pytest.mark.parametrize(("scale", "channels"), [("smoke", 8), ("quick", 16), ("paper", 128)])
def test_the_scale_decides_the_width_unless_it_is_given(noise, scale, channels):
    assert NgccPhat().configure(noise("train"), scale)["channels"] == channels
    assert NgccPhat(channels=4).configure(noise("train"), scale)["channels"] == 4


def test_every_time_of_a_recording_is_learned_from(noise, context):
    part = NgccPhat()
    part.config = part.configure(noise("train"), "smoke")
    examples = part.training_examples(noise("train", count=3), context)
    assert len(examples.scenes) == 6


def test_examples_follow_from_seed_epoch_and_index(noise, context):
    part = NgccPhat()
    part.config = part.configure(noise("train"), "smoke")
    examples = part.training_examples(noise("train"), context)
    drawn = {}
    for epoch in (1, 2, 1):
        examples.begin_epoch(0, epoch)
        arrays = examples.arrays(3)
        if epoch in drawn:
            np.testing.assert_array_equal(arrays["audio"], drawn[epoch])
        drawn[epoch] = arrays["audio"]
    assert not np.array_equal(drawn[1], drawn[2])


def test_the_label_of_a_pair_is_its_delay_rounded_to_a_sample(noise, context, briefly):
    part = NgccPhat()
    part.config = part.configure(noise("train"), "smoke")
    arrivals = torch.tensor([[10.2, 0.0, 7.0, math.nan]], dtype=torch.float64)
    pairs = torch.tensor([[0, 1], [1, 0], [1, 2], [0, 3]])
    assert part_module._labels(arrivals, pairs, 8).tolist() == [[-1, -1, 1, -1]]
    assert part_module._labels(arrivals, pairs, 20).tolist() == [[30, 10, 13, -1]]


def test_a_batch_without_known_delays_has_no_loss():
    logits = torch.zeros(1, 2, 5, requires_grad=True)
    loss = part_module._cross_entropy(logits, torch.full((1, 2), -1))
    loss.backward()
    assert float(loss.detach()) == 0


def test_frames_of_inactive_sources_teach_nothing(make_scene):
    scene = make_scene(0)
    active = np.zeros_like(scene.truth.tracks.active)
    silent = replace(scene.truth, tracks=replace(scene.truth.tracks, active=active))
    windowed = replace(
        scene,
        recording=scene.recording.window(slice(0, 1)),
        truth=replace(silent, tracks=silent.tracks.at(slice(0, 1))),
    )
    assert np.isnan(known_frame(windowed).arrivals).all()


def test_microphones_of_unknown_position_are_left_out(noise, context, briefly, make_scene):
    mics = make_scene(0).recording.array.positions.copy()
    mics[1] = np.nan
    part = NgccPhat()
    part.fit(noise("train", microphones=mics), noise("validation", microphones=mics), context)
    assert part.config["microphones"] == 3


def test_other_sample_rates_are_resampled(make_scene, part):
    scene = make_scene(5, sample_rate=24000)
    window = replace(
        scene,
        recording=scene.recording.window(slice(0, 1), 0.128),
        truth=replace(scene.truth, tracks=scene.truth.tracks.at(slice(0, 1))),
    )
    frame = known_frame(window)
    found = part.delays(torch.tensor(frame.audio)[None], frame.max_lag)[0].argmax(dim=-1)
    expected = tdoa(scene.recording.array.positions, scene.truth.tracks.xyz[0, 0]) * 16000
    assert np.abs(found.numpy() - frame.max_lag - expected).max() <= 1.5


def test_the_ends_of_a_frame_do_not_correlate_at_lag_zero():
    rng = torch.Generator().manual_seed(0)
    signal = torch.randn(200, 2048 + 300, generator=rng).cumsum(dim=-1)  # steps at its ends
    pair = torch.stack([signal[:, 300:], signal[:, :-300]], dim=1)
    plain, faded = (gcc_phat(each, 400)[:, 0] for each in (normalized(pair), network_input(pair)))
    at_zero = [(each[:, 400] / each.std(dim=-1)).mean() for each in (plain, faded)]
    assert at_zero[0] > 3
    assert at_zero[1].abs() < 1


def test_the_middle_of_a_frame_is_not_faded(frames):
    inner = slice(FADE, -FADE)
    assert torch.equal(network_input(frames)[..., inner], normalized(frames)[..., inner])


def test_normalized_frames_have_zero_mean_and_unit_deviation():
    frames = torch.tensor([[1.0, 3.0, 1.0, 3.0], [0.3, 0.3, 0.3, 0.3]])
    assert normalized(frames).tolist() == [[-1, 1, -1, 1], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"microphones": np.full((3, 3), np.nan)}, "there are 0 known of 3"),
        ({"max_sources": 2}, "one source at a time"),
        ({"kind": "direction"}, "microphones and the positions of sources"),
        ({"count": 0}, "no training frames"),
    ],
)
def test_recordings_that_teach_no_delays_are_refused(noise, options, message):
    with pytest.raises(Incompatible, match=message):
        NgccPhat().configure(noise("train", **options), "smoke")


def test_one_known_microphone_is_refused(noise, make_scene):
    mics = make_scene(0).recording.array.positions.copy()
    mics[1:] = np.nan
    with pytest.raises(Incompatible, match="there are 1 known of 4"):
        NgccPhat().configure(noise("train", microphones=mics), "smoke")
