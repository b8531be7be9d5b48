"""The masked autoencoder: size, invariance, masks, and the modules of the ablation."""

from dataclasses import replace

import pytest
import torch

from sslbench.geometry import microphone_pairs
from sslbench_wav2pos.network import Autoencoder, Shape

SMALL = Shape(width=16, depth=2, samples=64, lags=21)
MICS = 6


def network(shape=SMALL):
    """Return a network with larger weights than initial ones, so that all inputs matter."""
    torch.manual_seed(0)
    found = Autoencoder(shape)
    for parameter in found.parameters():
        parameter.data += 0.2 * torch.randn(parameter.shape)
    return found.eval()


def batch(dtype=torch.float32, size=5, orders=1, source=False, mics=MICS):
    """Return random inputs; one coordinate and the audio of another microphone are masked."""
    rng = torch.Generator().manual_seed(1)

    def random(*shape):
        return torch.rand(*shape, generator=rng, dtype=torch.float64).to(dtype) - 0.5

    rows = mics + source
    audio_kept, known = torch.ones(size, mics + 1).bool(), torch.ones(size, mics).bool()
    audio_kept[:, 0], audio_kept[0, 2], known[0, -2] = source, False, False
    return {
        "audio": random(size, mics + 1, SMALL.samples),
        "audio_kept": audio_kept,
        "coordinates": random(size, mics, 3),
        "coordinates_kept": known,
        "pairs": random(size, orders, rows * (rows - 1) // 2, SMALL.lags),
    }


def reordered(given, order, *, source=False):
    """Return the same inputs with the microphones in another order."""
    order = torch.tensor(order)
    rows = torch.cat([torch.zeros(1).long(), order + 1])
    pairs = given["pairs"]
    own = rows if source else order
    i, j = map(torch.from_numpy, microphone_pairs(len(own)))
    full = pairs.new_zeros(len(pairs), len(own), len(own), pairs.shape[-1])
    full[:, i, j], full[:, j, i] = pairs[:, 0], pairs[:, -1]
    if pairs.shape[1] == 1:
        full[:, j, i] = pairs[:, 0].flip(-1)
    sides = (full[:, own[i], own[j]], full[:, own[j], own[i]])
    return {
        "audio": given["audio"][:, rows],
        "audio_kept": given["audio_kept"][:, rows],
        "coordinates": given["coordinates"][:, order],
        "coordinates_kept": given["coordinates_kept"][:, order],
        "pairs": torch.stack(sides[: pairs.shape[1]], dim=1),
    }


@pytest.mark.parametrize("features", ["none", "one order", "both orders", "with the source"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
def test_the_order_of_the_microphones_changes_nothing(features, dtype, tolerance):
    source = features == "with the source"
    shape = replace(SMALL, lags=0) if features == "none" else SMALL
    model = network(shape).to(dtype)
    given = batch(dtype, orders=2 if features == "both orders" else 1, source=source)
    order = [4, 2, 0, 5, 1, 3]
    with torch.no_grad():
        found, again = model(given), model(reordered(given, order, source=source))
    assert float((found.source - again.source).abs().max()) <= tolerance
    assert float((found.microphones[:, order] - again.microphones).abs().max()) <= tolerance
    assert float(found.source.std()) > 100 * tolerance


def test_the_paper_size_has_the_published_number_of_parameters():
    model = Autoencoder(Shape(width=256, depth=4, samples=2048, lags=629))
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == pytest.approx(9_758_342, rel=0.02)


@pytest.mark.parametrize("rows", [("coordinates", (0, 4)), ("audio", (0, 3)), ("audio", (0, 0))])
def test_what_is_masked_has_no_influence(rows):
    name, row = rows
    model, given = network(), batch()
    changed = given | {name: given[name].clone()}
    changed[name][row] += 7
    masked = {"coordinates": given["coordinates_kept"], "audio": given["audio_kept"]}[name].clone()
    masked[row] = False
    for one in (given, changed):
        one[f"{name}_kept"] = masked
    assert torch.equal(model(given).source, model(changed).source)


def test_pairs_of_masked_audio_have_no_influence():
    model, given = network(), batch()
    changed = given | {"pairs": given["pairs"].clone()}
    i, j = microphone_pairs(MICS)
    changed["pairs"][0, :, (i == 1) | (j == 1)] += 7  # row 2 of the audio is microphone 1
    assert torch.equal(model(given).source, model(changed).source)


def test_statistics_of_coordinates_do_not_see_masked_ones():
    model, given = network().train(), batch()
    given["coordinates"][0, 4] = 1e6
    model(given)
    assert float(model.embed_coordinates[1].running_mean.abs().max()) < 10


@pytest.mark.parametrize("microphones", [4, 11])
def test_one_network_serves_any_number_of_microphones(microphones):
    found = network()(batch(mics=microphones))
    assert found.microphones.shape == (5, microphones, 3)
    assert all(torch.isfinite(each).all() for each in found)


def without(**changes):
    return replace(SMALL, **changes)


@pytest.mark.parametrize(
    "shape",
    [
        without(lags=0, pairwise=False, max_pool=False),
        without(lags=0, max_pool=False),
        without(lags=0),
        SMALL,
    ],
)
def test_every_row_of_the_ablation_has_gradients_in_all_its_weights(shape):
    model = network(shape).train()
    found = model(batch(size=9))
    sum(each.square().sum() for each in found).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


def test_without_pairwise_encoding_audio_is_not_connected_to_its_coordinates():
    given = batch()
    given["audio_kept"][:, 1:], given["coordinates_kept"][:] = True, True
    swapped = given | {"audio": given["audio"][:, [0, 2, 1, 3, 4, 5, 6]]}
    changed = {}
    for pairwise in (False, True):
        model = network(without(lags=0, pairwise=pairwise))
        with torch.no_grad():
            changed[pairwise] = float((model(given).source - model(swapped).source).abs().max())
    assert changed[False] < 1e-5
    assert changed[True] > 1e-4
