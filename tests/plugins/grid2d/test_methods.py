"""The grid methods train, answer, and are kept and read back."""

import numpy as np
import pytest
import torch
from sslbench.running.record_builder import published_of

from helpers.grid_cases import CORNER, SPECS, Elsewhere, Few, Sometimes, make, places
from sslbench.cell import Cell, Choice
from sslbench.scene import Tracks
from sslbench.training.schedules import Constant, Plateau
from sslbench_grid2d.representations import NAMES, Options, make_representation


@pytest.mark.parametrize("name", NAMES)
def test_what_is_kept_answers_the_same(name, trained, data, tmp_path):
    method = trained(representation=name)
    folder = tmp_path / "kept"
    folder.mkdir()
    method.save(folder)
    again = make(representation=name)
    again.load(folder)
    recordings = [data("test").scene(index).recording for index in range(5)]
    answers = method.locate_many(recordings)
    assert np.array_equal(places(answers), places(again.locate_many(recordings)), equal_nan=True)
    assert all(answer.tracks.xyz.shape == (1, 1, 3) for answer in answers)
    assert again.parameter_count == method.parameter_count > 0


@pytest.mark.parametrize("encoder", ["single", "array", "combined"])
def test_every_encoder_trains(encoder, trained):
    assert len(trained(encoder=encoder).history) == 1


@pytest.mark.parametrize(
    # The map of tg and hm is the paper's, and goes a metre beyond the room.
    ("name", "margin"),
    [("tg", 1), ("hm", 1), ("rg", 0), ("onehot", 0), ("uld", 0)],
)
def test_answers_lie_in_the_region_at_its_height_wherever_its_corner_is(name, margin, data):
    method = make(representation=name)
    method._facts = {"scale": "smoke", "always": True, "sources": 1}
    shape = (256, {"rg": 3}.get(name, 1), *2 * [{"tg": 81, "hm": 81, "uld": 7}.get(name, 6)])
    maps = 5 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    recordings = 256 * [data("test", Elsewhere).scene(0).recording]
    batch = {"audio": None, "microphones": None, "room": torch.full((256, 2), 6.0)}
    xyz = places(method.answer(lambda *heard: maps, batch, recordings))[:, 0, 0]
    low, high = CORNER[:2] - margin, CORNER[:2] + 6 + margin
    assert (xyz[:, :2] >= low - 1e-6).all()
    assert (xyz[:, :2] <= high + 1e-6).all()
    # Anywhere in it: not all in one cell, nor in the region at the origin alone.
    assert (xyz[:, :2].min(axis=0) < low + 1).all()
    assert (xyz[:, :2].max(axis=0) > high - 1).all()
    assert (xyz[:, 2] == 0.95 + CORNER[2]).all()


@pytest.mark.parametrize("name", ["hm", "uld"])
def test_where_the_corner_is_changes_nothing_but_the_frame(name, trained, data):
    here = trained(representation=name)
    there = trained(Elsewhere, representation=name)
    answers = [
        places(method.locate_many([data("test", suite).scene(i).recording for i in range(8)]))
        for method, suite in ((here, Few), (there, Elsewhere))
    ]
    assert answers[1] == pytest.approx(answers[0] + CORNER, abs=1e-3)


def test_the_map_comes_with_the_answer(trained, data):
    answer = trained(representation="uld").locate(data("test").scene(0).recording)
    assert answer.likelihood.shape == (7, 7)
    assert answer.likelihood.min() >= 0
    assert answer.likelihood.max() <= 1


def test_a_batch_answers_as_one_by_one(trained, data):
    method = trained(representation="uld")
    recordings = [data("test").scene(index).recording for index in range(4)]
    alone = [method.locate(recording) for recording in recordings]
    assert places(method.locate_many(recordings)) == pytest.approx(places(alone), abs=1e-4)


def test_a_threshold_is_of_the_answer_and_not_of_the_checkpoint(trained, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir()
    trained(representation="hm").save(folder)
    make(representation="hm", threshold=0.9).load(folder)


def at(x):
    return Tracks.of([0], [[[x, 1.0, 0.95]]], "position")


@pytest.mark.parametrize("suite", [Few, Sometimes])
def test_epochs_are_chosen_by_distance_where_a_source_always_sounds_and_else_by_f1(suite, trained):
    method = trained(suite, representation="hm")
    measured = [method.metric()(at(x), at(0)) for x in (0.25, 0.5)]
    assert measured == pytest.approx([0.25, 0.5] if suite is Few else [100, 0])
    assert method.higher_is_better == (suite is Sometimes)
    value = method.history[0].value
    assert 0 <= value <= 3 if suite is Few else -100 <= value <= 0


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
def test_bumps_begin_wide_below_paper_scale(scale, progress, wider):
    method = make(representation="hm", variance=0.05)
    method._facts = {"scale": scale, "always": True, "sources": 1}
    positions, room = torch.tensor([[[2.0, 3.0]]]), torch.tensor([[6.0, 6.0]])
    bump = make_representation("hm", Options(variance=0.05 * wider)).target(positions, room)
    batch = {"audio": None, "microphones": None, "positions": positions, "room": room}
    batch["progress"] = torch.tensor(float(progress))
    assert method.loss(lambda *heard: bump, batch, None).item() == pytest.approx(0, abs=1e-9)
    assert method.loss(lambda *heard: 0.9 * bump, batch, None) > 1e-6


def test_answers_are_read_off_bumps_of_their_final_width(data):
    method = make(representation="hm", variance=0.05)
    method._facts = {"scale": "smoke", "always": True, "sources": 1}
    assert method._representation(method._facts).options.variance == 0.05


@pytest.mark.parametrize("name", NAMES)
def test_published_settings_follow_the_data(name, data):
    method = make(representation=name)
    method.begin(data("train"), "paper")
    feng = method.settings("paper")
    assert (feng.epochs, feng.batch, feng.learning_rate, feng.clip) == (50, 128, 1e-3, None)
    assert (feng.schedule, feng.patience, feng.weight_decay) == (Plateau(), 10, 0.01)
    method._facts["always"] = False
    lemoing = method.settings("paper")
    assert (lemoing.epochs, lemoing.batch, lemoing.learning_rate) == (200, 128, 1e-4)
    assert (lemoing.schedule, lemoing.patience, lemoing.weight_decay) == (Constant(), None, 0)
    assert (lemoing.betas, lemoing.clip) == ((0.5, 0.999), None)
    assert method.settings("quick").clip == method.settings("smoke").clip == 5


@pytest.mark.parametrize("scale", ["smoke", "quick"])
def test_fewer_scenes_are_heard_more_often(scale, data):
    method = make()
    method.begin(data("train"), scale)
    few = method.settings(scale)
    method._facts["scenes"] *= 10
    many = method.settings(scale)
    assert few.batch == many.batch
    assert few.epochs == pytest.approx(10 * many.epochs, rel=0.2)


@pytest.mark.parametrize(
    ("split", "share", "values"),
    [("test", 1.0, {90, 96}), ("test", 0.1, {79, 87}), ("s1", 1.0, {77}), ("s2", 1.0, {97})],
)
def test_a_published_number_stands_beside_its_own_split_and_share_alone(split, share, values):
    params = {p.name: p.default for p in SPECS["grid2d"].parameters}
    method = Choice("grid2d", params | {"representation": "hm", "encoder": "combined"})
    cell = Cell(method, Choice("lemoing2019", {"train_share": share}), split, "quick", 0)
    found = published_of(cell, SPECS["grid2d"])
    assert {entry.value for entry in found} == values
