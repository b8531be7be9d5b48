"""The grid methods of fixed arrays train, predict, and are saved and loaded."""

import numpy as np
import pytest
import torch

from helpers.grid_cases import (
    CORNER,
    SPECS,
    Answering,
    Elsewhere,
    Few,
    Sometimes,
    configured,
    make,
    places,
    step,
)
from sslbench.cell import Cell, Choice, Training
from sslbench.running.records import published_entries
from sslbench.training.schedules import Constant, Plateau
from sslbench_grid2d.parameters import BY_DISTANCE, BY_F1
from sslbench_grid2d.representations import NAMES, Options, make_representation


@pytest.fixture
def recordings(data):
    return [data("test").scene(index).recording for index in range(5)]


def saved(method, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    method.save(folder)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_loaded_method_predicts_the_same(name, trained, recordings, tmp_path):
    method, again = trained(representation=name), make(representation=name)
    again.load(saved(method, tmp_path))
    found = method.locate_many(recordings)
    assert np.array_equal(places(found), places(again.locate_many(recordings)), equal_nan=True)
    assert all(prediction.tracks.xyz.shape == (1, 1, 3) for prediction in found)
    assert again.parameter_count == method.parameter_count > 0


@pytest.mark.parametrize("encoder", ["single", "array", "combined"])
def test_every_encoder_trains(encoder, trained):
    assert len(trained(encoder=encoder).history) == 1


@pytest.mark.parametrize(
    # The maps of tg and hm are the paper's, and extend a metre beyond the room.
    ("name", "margin"),
    [("tg", 1), ("hm", 1), ("rg", 0), ("onehot", 0), ("uld", 0)],
)
def test_estimates_lie_anywhere_in_the_region_at_its_height(name, margin, data):
    train = data("train", Elsewhere)
    method = configured(make(representation=name), train)
    shape = (256, {"rg": 3}.get(name, 1), *2 * [{"tg": 81, "hm": 81, "uld": 7}.get(name, 6)])
    maps = 5 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    xyz = places(method.decode(maps, 256 * [train.scene(0).recording]))[:, 0, 0]
    low, high = CORNER[:2] - margin, CORNER[:2] + 6 + margin
    assert (xyz[:, :2] >= low - 1e-6).all()
    assert (xyz[:, :2] <= high + 1e-6).all()
    assert (xyz[:, :2].min(axis=0) < low + 1).all()
    assert (xyz[:, :2].max(axis=0) > high - 1).all()
    assert (xyz[:, 2] == 0.95 + CORNER[2]).all()


@pytest.mark.parametrize("name", ["hm", "uld"])
def test_moving_the_origin_moves_the_estimates(name, trained, data):
    here = trained(representation=name)
    there = trained(Elsewhere, representation=name)
    found = [
        places(method.locate_many([data("test", suite).scene(i).recording for i in range(8)]))
        for method, suite in ((here, Few), (there, Elsewhere))
    ]
    assert found[1] == pytest.approx(found[0] + CORNER, abs=1e-3)


def test_a_prediction_has_the_map_as_its_likelihood(trained, recordings):
    likelihood = trained(representation="uld").locate(recordings[0]).likelihood
    assert likelihood.shape == (7, 7)
    assert likelihood.min() >= 0
    assert likelihood.max() <= 1


def test_the_margin_of_a_map_is_not_part_of_the_likelihood(trained, recordings):
    likelihood = trained(representation="hm").locate(recordings[0]).likelihood
    assert likelihood.shape == (61, 61)


def test_a_batch_gives_the_same_as_single_recordings(trained, recordings):
    method = trained(representation="uld")
    alone = [method.locate(recording) for recording in recordings]
    assert places(method.locate_many(recordings)) == pytest.approx(places(alone), abs=1e-4)


@pytest.mark.parametrize("change", [{"threshold": 0.9}, {"decoder": "baseline"}])
def test_a_checkpoint_serves_all_thresholds_and_decoders(trained, tmp_path, change):
    method, again = trained(representation="tg"), make(representation="tg", **change)
    again.load(saved(method, tmp_path))
    assert again.parameter_count == method.parameter_count


def test_a_fixed_number_of_sources_selects_by_distance(trained):
    method = trained(representation="hm")
    assert method.selection() == BY_DISTANCE
    assert not method.higher_is_better
    assert 0 < method.history[0].value <= 3


def test_a_varying_number_of_sources_selects_by_f1(trained):
    method = trained(Sometimes, representation="hm")
    assert method.selection() == BY_F1
    assert method.higher_is_better
    assert 0 <= method.history[0].value <= 100


@pytest.mark.parametrize(
    ("scale", "progress", "wider"),
    [
        ("smoke", 0, 20),
        ("smoke", 1, 1),
        ("quick", 0, 20),
        ("quick", 0.3, 20**0.5),
        ("quick", 0.6, 1),
        ("paper", 0, 1),
        ("paper", 1, 1),
    ],
)
def test_peaks_are_wide_at_first_below_paper_scale(scale, progress, wider, data):
    method = configured(make(representation="hm", variance=0.05), data("train"), scale)
    positions, room = torch.tensor([[[2.0, 3.0]]]), torch.tensor([[6.0, 6.0]])
    peak = make_representation("hm", Options(variance=0.05 * wider)).target(positions, room)
    batch = {"audio": None, "microphones": None, "positions": positions, "room": room}
    loss = [float(method.loss(Answering(g * peak), batch, step(progress))) for g in (1, 0.9)]
    assert loss[0] == pytest.approx(0, abs=1e-9)
    assert loss[1] > 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_a_fixed_number_of_sources_has_the_settings_of_feng_at_paper_scale(name, data):
    settings = configured(make(representation=name), data("train"), "paper").settings("paper")
    assert (settings.epochs, settings.batch, settings.learning_rate) == (50, 128, 1e-3)
    assert (settings.schedule, settings.patience, settings.weight_decay) == (Plateau(), 10, 0.01)
    assert settings.clip is None


@pytest.mark.parametrize("name", ["tg", "hm", "rg"])
def test_a_varying_number_of_sources_has_the_settings_of_le_moing_at_paper_scale(name, data):
    method = configured(make(representation=name), data("train", Sometimes), "paper")
    settings = method.settings("paper")
    assert (settings.epochs, settings.batch, settings.learning_rate) == (200, 128, 1e-4)
    assert (settings.schedule, settings.patience, settings.weight_decay) == (Constant(), None, 0)
    assert (settings.betas, settings.clip) == ((0.5, 0.999), None)


@pytest.mark.parametrize("scale", ["smoke", "quick"])
def test_fewer_scenes_are_repeated_more_often(scale, data):
    train = data("train")
    few = configured(make(), train, scale).settings(scale)
    many = configured(make(), train, scale, scenes=10 * len(train)).settings(scale)
    assert few.batch == many.batch
    assert few.epochs == pytest.approx(10 * many.epochs, rel=0.2)
    assert few.clip == many.clip == 5


@pytest.mark.parametrize(
    ("split", "share", "values"),
    [("test", 1.0, {90, 96}), ("test", 0.1, {79, 87}), ("s1", 1.0, {77}), ("s2", 1.0, {97})],
)
def test_published_numbers_are_shown_for_their_split_and_training_data(split, share, values):
    params = {p.name: p.default for p in SPECS["grid2d"].parameters}
    method = Choice("grid2d", params | {"representation": "hm", "encoder": "combined"})
    whole = Choice("lemoing2019", {"train_share": 1.0})
    part = Choice("lemoing2019", {"train_share": share}, ("train_share",) if share < 1 else ())
    cell = Cell(method, whole, split, "quick", training=Training(method, part, "quick", 0))
    found = published_entries(cell, SPECS["grid2d"])
    assert {entry.value for entry in found} == values
