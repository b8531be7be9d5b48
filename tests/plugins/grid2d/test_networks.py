"""Front ends, encoders, decoders and networks of the grid methods."""

import numpy as np
import pytest
import torch
from scipy.signal import stft
from torch import nn
from torch.nn import functional

from sslbench.errors import FormatError, GeometryError, ParameterError
from sslbench.simulation.anechoic import render_anechoic
from sslbench_grid2d.adhoc import CELLS, AdhocNetwork, steered_planes
from sslbench_grid2d.encoders import PairFeatures
from sslbench_grid2d.frontend import SpectralFrontend
from sslbench_grid2d.networks import GridNetwork, NetworkConfig
from sslbench_grid2d.pooling import bumps, cell_centres, hats, overlaps, resample

SMALL = {"width": 16, "early_stride": True}
ROOM = torch.tensor([5.0, 8.0])


def clips(batch=2, samples=2560, seed=0):
    return torch.randn(batch, 8, samples, generator=torch.Generator().manual_seed(seed))


def grid(**changes):
    torch.manual_seed(0)
    return GridNetwork(NetworkConfig(**{**SMALL, **changes}))


def adhoc(**changes):
    torch.manual_seed(0)
    return AdhocNetwork(NetworkConfig(**{"width": 8, "size": 5, **changes}))


def mapped(network, audio):
    """Return the map of a network for fixed arrays."""
    return network({"audio": audio})


def noise_in_room(source, nodes=6, seed=0):
    """Return audio and microphones of noise in `ROOM`, and the room."""
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((1, 1024 + 16000)).astype(np.float32)
    mics = np.column_stack([rng.uniform(0, ROOM.numpy(), (nodes, 2)), np.full(nodes, 0.9)])
    audio = render_anechoic(signal, [[*source, 0.95]], mics, 16000, 1024)[0]
    return torch.from_numpy(audio), torch.from_numpy(mics).float(), ROOM


def planes_of(*sources):
    """Return the planes of one room per source, shape (rooms, 3, 64, 64), and the rooms."""
    rooms = [noise_in_room(source, seed=seed) for seed, source in enumerate(sources)]
    return torch.stack([steered_planes(*room) for room in rooms]), ROOM.expand(len(rooms), 2)


@pytest.mark.parametrize(
    ("encoder", "channels", "size", "weights"),
    [
        ("single", 1, 81, 1_963_121),
        ("array", 1, 81, 3_137_649),
        ("combined", 1, 81, 3_194_105),
        ("combined", 3, 6, 3_030_411),
        ("single", 3, 6, 1_799_427),
    ],
)
@pytest.mark.parametrize("early_stride", [False, True])
def test_networks_have_the_published_numbers_of_weights(
    encoder, channels, size, weights, early_stride
):
    config = NetworkConfig(encoder, channels=channels, size=size, early_stride=early_stride)
    assert sum(each.numel() for each in GridNetwork(config).parameters()) == weights


@pytest.mark.parametrize("encoder", ["single", "array", "combined"])
@pytest.mark.parametrize("features", ["phase", "raw"])
@pytest.mark.parametrize("early_stride", [False, True])
def test_every_encoder_gives_a_map_of_the_right_shape(encoder, features, early_stride):
    network = grid(
        encoder=encoder, features=features, early_stride=early_stride, channels=3, size=7
    )
    assert mapped(network, clips()).shape == (2, 3, 7, 7)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 9, 16, 17, 27, 40, 81, 90])
def test_a_map_can_have_any_size(size):
    assert mapped(grid(size=size), clips()).shape == (2, 1, size, size)
    assert adhoc(size=size)(*planes_of((1, 1))).shape == (1, 1, size, size)


@pytest.mark.parametrize(("arrays", "microphones"), [(1, 8), (4, 2)])
def test_other_numbers_of_arrays_and_microphones_are_possible(arrays, microphones):
    network = grid(encoder="combined", arrays=arrays, mics_per_array=microphones, size=6)
    assert mapped(network, clips()).shape == (2, 1, 6, 6)


@pytest.mark.parametrize("width", [0, 4, 20])
def test_a_width_that_is_not_a_multiple_of_8_is_an_error(width):
    with pytest.raises(ParameterError, match=f"width of {width} is not allowed\n.*multiple of 8"):
        NetworkConfig(width=width)


def test_too_short_clips_are_an_error():
    with pytest.raises(FormatError, match=r"2559 samples are too short\n.*at least 2560"):
        mapped(grid(), clips(samples=2559))


def test_longer_clips_are_possible():
    assert mapped(grid(size=6), clips(samples=8000)).shape == (2, 1, 6, 6)


def test_raw_features_are_the_spectra_divided_by_the_level_of_the_clip():
    audio = clips(1)
    window = torch.hamming_window(512).numpy()
    spectra = stft(
        audio[0].numpy(), window=window, nperseg=512, noverlap=256, boundary=None, padded=False
    )[2]
    spectra = (
        spectra[:, 1:].swapaxes(1, 2) * window.sum() / np.sqrt(512 * np.mean(audio.numpy() ** 2))
    )
    features = SpectralFrontend(2, "raw")(audio)[0].numpy()
    np.testing.assert_allclose(features[1, :4], spectra[4:].real, atol=1e-4)
    np.testing.assert_allclose(features[1, 4:], spectra[4:].imag, atol=1e-4)


@pytest.mark.parametrize("features", ["phase", "raw"])
def test_features_do_not_depend_on_the_level_of_a_clip(features):
    frontend = SpectralFrontend(2, features)
    torch.testing.assert_close(frontend(clips() * 0.01), frontend(clips()), atol=1e-4, rtol=1e-4)


def test_phase_features_are_the_delays_between_neighbours():
    time = torch.arange(2560) / 16000
    delays = torch.tensor([0, 1, 3, 4]) / 16000
    audio = torch.cos(2 * torch.pi * 1000 * (time - delays[:, None]))[None]
    phasors = SpectralFrontend(1, "phase")(audio)[0, 0, :, :, 31]
    found = torch.atan2(phasors[4:], phasors[:4])
    expected = 2 * torch.pi * 1000 * (delays.roll(-1) - delays)
    torch.testing.assert_close(found, expected[:, None].expand(-1, 9), atol=1e-2, rtol=0)


def test_pairs_are_ordered_with_real_parts_first():
    features = PairFeatures(4)
    pairs = list(zip(features.first.tolist(), features.second.tolist(), strict=True))
    assert pairs[:6] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert pairs[6:] == [(4, 5), (4, 6), (4, 7), (5, 6), (5, 7), (6, 7)]


def test_pairs_as_channels_equal_pairs_as_rows_of_an_image():
    # Table II: filters of 2 x 7 with a stride of 2 along the rows, two rows per pair.
    features, spectra = PairFeatures(4).eval(), torch.randn(2, 8, 9, 256)
    convolution, *rest = features.layers
    pairs = torch.stack([features.first, features.second], dim=1).flatten()
    image = spectra[:, pairs].transpose(1, 2).reshape(18, 1, 24, 256)
    weight = convolution.weight.transpose(1, 2)
    rows = functional.conv2d(image, weight, convolution.bias, (2, 1), (0, 3))
    expected = nn.Sequential(*rest)(rows).reshape(2, 9, 96, 256).transpose(1, 2)
    torch.testing.assert_close(features(spectra), expected)


def test_arrays_share_the_weights_of_their_encoder():
    network = grid().eval()
    codes = network.encoder(network.frontend(clips()[:, [*range(4)] * 2]).flatten(0, 1))
    torch.testing.assert_close(codes[0], codes[1])


@pytest.mark.parametrize("features", ["phase", "raw"])
def test_silence_gives_a_finite_map(features):
    assert mapped(grid(features=features), torch.zeros(2, 8, 2560)).isfinite().all()


def test_silence_gives_a_finite_map_of_ad_hoc_nodes():
    audio, microphones, room = noise_in_room((1, 1))
    planes = steered_planes(audio * 0, microphones, room)
    assert adhoc()(planes[None], room[None]).isfinite().all()


@pytest.mark.parametrize("encoder", ["single", "array", "combined"])
def test_all_weights_of_an_encoder_have_gradients(encoder):
    network = grid(encoder=encoder, size=7)
    mapped(network, clips(4)).square().sum().backward()
    assert all(each.grad.abs().sum() > 0 for each in network.parameters())


def test_all_weights_of_an_adhoc_network_have_gradients():
    network = adhoc(channels=2)
    network(*planes_of((1, 3))).square().sum().backward()
    assert all(each.grad.abs().sum() > 0 for each in network.parameters())


def test_networks_are_deterministic():
    assert torch.equal(mapped(grid(), clips()), mapped(grid(), clips()))
    assert torch.equal(adhoc()(*planes_of((1, 1))), adhoc()(*planes_of((1, 1))))


def test_the_map_of_a_clip_does_not_depend_on_the_batch():
    network = grid(size=7).eval()
    alone = torch.cat([mapped(network, clip[None]) for clip in clips(3)])
    torch.testing.assert_close(mapped(network, clips(3)), alone, atol=1e-5, rtol=1e-4)


def test_the_map_of_a_room_does_not_depend_on_the_batch():
    network = adhoc().eval()
    planes, rooms = planes_of((1, 1), (4, 6))
    alone = torch.cat([network(planes[n : n + 1], rooms[n : n + 1]) for n in range(2)])
    torch.testing.assert_close(network(planes, rooms), alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("nodes", [2, 5, 30])
def test_any_number_of_nodes_is_possible(nodes):
    assert steered_planes(*noise_in_room((1, 1), nodes)).shape == (3, CELLS, CELLS)


def test_planes_have_mean_0_and_deviation_1():
    planes = steered_planes(*noise_in_room((2, 6))).flatten(1)
    torch.testing.assert_close(planes.mean(1), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(planes.std(1), torch.ones(3), atol=1e-2, rtol=0)


def test_the_order_of_nodes_does_not_change_the_planes():
    audio, microphones, room = noise_in_room((2, 6), 8)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    shuffled = steered_planes(audio[order], microphones[order], room)
    expected = steered_planes(audio, microphones, room)
    torch.testing.assert_close(shuffled, expected, atol=1e-3, rtol=1e-3)


def test_a_single_node_is_an_error():
    with pytest.raises(GeometryError, match="at least two"):
        steered_planes(*noise_in_room((1, 1), 1))


@pytest.mark.parametrize("source", [(0.4, 0.7), (2.2, 6.9), (4.6, 3.1)])
@pytest.mark.parametrize("plane", [0, 1])
def test_the_correlation_is_highest_at_the_source(source, plane):
    planes = steered_planes(*noise_in_room(source, 8))
    y, x = divmod(int(planes[plane].argmax()), CELLS)
    found = (np.array([x, y]) + 0.5) / CELLS * ROOM.numpy()
    assert np.abs(found - source).max() < 8 / CELLS


def test_levels_agree_best_at_the_source_of_direct_and_diffuse_sound():
    # The direct sound decays with distance. The diffuse sound has the same level everywhere, equal
    # to the level of the direct sound at 1 m.
    rng = np.random.default_rng(0)
    positions = rng.uniform(0, ROOM.numpy(), (12, 2))
    squared = ((positions - [2.2, 6.9]) ** 2).sum(axis=1)
    audio = rng.standard_normal((12, 16000)) * np.sqrt(1 / squared + 1)[:, None]
    microphones = torch.from_numpy(np.column_stack([positions, np.full(12, 0.9)])).float()
    planes = steered_planes(torch.from_numpy(audio).float(), microphones, ROOM)
    y, x = divmod(int(planes[2].argmax()), CELLS)
    assert np.hypot((x + 0.5) / CELLS * 5 - 2.2, (y + 0.5) / CELLS * 8 - 6.9) < 0.2


def test_a_mirrored_room_gives_mirrored_planes():
    audio, microphones, room = noise_in_room((2, 6))
    mirrored = microphones * torch.tensor([-1, 1, 1]) + torch.tensor([5.0, 0, 0])
    planes = steered_planes(audio, mirrored, room).flip(-1)
    assert (planes - steered_planes(audio, microphones, room)).abs().quantile(0.99) < 0.05


@pytest.mark.parametrize(("lattice", "size"), [(None, 4), ((0.0, 0.25), 5)])
def test_outputs_are_pooled_at_the_points_of_the_lattice(lattice, size):
    readout = adhoc(size=size, lattice=lattice).readout
    fine = cell_centres(CELLS)
    nearest = (readout.points[:, None] - fine).abs().argmin(dim=0)
    assert torch.equal(readout.boxes.argmax(dim=0), nearest)
    torch.testing.assert_close(readout.boxes.sum(dim=0), torch.ones(CELLS))


def test_hat_functions_preserve_positions_between_nodes():
    nodes = torch.arange(5) / 4
    weights = hats(nodes, 0.25, CELLS)
    torch.testing.assert_close(nodes @ weights, cell_centres(CELLS))
    torch.testing.assert_close(weights.sum(dim=0), torch.ones(CELLS))


def test_overlaps_with_a_non_integer_ratio_tile_the_side():
    weights = overlaps(cell_centres(7), 1 / 7, CELLS)
    torch.testing.assert_close(weights.sum(dim=0), torch.ones(CELLS))
    torch.testing.assert_close(weights.sum(dim=1), torch.full((7,), CELLS / 7))


def test_bumps_are_gaussians_in_metres():
    found = bumps(torch.tensor([0.5]), torch.tensor([4.0, 8.0]), 0.1, CELLS)
    distance = (cell_centres(CELLS)[40] - 0.5) * torch.tensor([4.0, 8.0])
    torch.testing.assert_close(found[:, 0, 40], torch.exp(-(distance**2) / 0.2))


@pytest.mark.parametrize("size", [1, 3, 9, 20])
def test_resampling_preserves_a_constant_map(size):
    torch.testing.assert_close(resample(torch.ones(1, 2, 9, 9), size), torch.ones(1, 2, size, size))


def test_resampling_to_fewer_cells_is_pooling_by_area():
    maps = torch.rand(2, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(resample(maps, 3), torch.nn.functional.avg_pool2d(maps, 3))


def rendered(seed, count):
    """Return noise at two arrays on walls and the source positions as fractions of the room."""
    rng = np.random.default_rng(seed)
    signals = rng.standard_normal((count, 512 + 2560)).astype(np.float32)
    positions = np.column_stack([rng.uniform(0.5, 5.5, (count, 2)), np.full(count, 0.95)])
    along = 3 + np.array([-0.1, -0.03, 0.04, 0.1])
    near, height = np.full(4, 0.05), np.full(4, 0.9)
    arrays = np.vstack([np.stack([near, along, height], 1), np.stack([along, near, height], 1)])
    audio = render_anechoic(signals, positions, arrays, 16000, 512)
    return torch.from_numpy(audio), torch.from_numpy(positions[:, :2] / 6).float()


@pytest.mark.parametrize("features", ["phase", "raw"])
def test_48_training_steps_are_sufficient_to_locate_unseen_clips(features):
    audio, positions = rendered(0, 1024)
    network, nodes = grid(size=7, features=features), torch.arange(7) / 6
    x, y = hats(nodes, 1 / 6, 1024)[:, (positions * 1024).long()].permute(2, 1, 0)
    labels = (y[:, :, None] * x[:, None, :]).flatten(1)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for step in range(48):
        batch = slice(step % 32 * 32, step % 32 * 32 + 32)
        logits = mapped(network, audio[batch]).flatten(1)
        loss = torch.nn.functional.cross_entropy(logits, labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    audio, positions = rendered(1, 128)
    with torch.no_grad():
        probabilities = mapped(network.eval(), audio).flatten(1).softmax(1).unflatten(1, (7, 7))
    found = torch.stack([probabilities.sum(1) @ nodes, probabilities.sum(2) @ nodes], dim=1)
    constant = (positions - positions.mean(0)).norm(dim=1).mean()
    assert (found - positions).norm(dim=1).mean() < 0.5 * constant
