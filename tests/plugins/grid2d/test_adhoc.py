"""The method for nodes anywhere trains, answers in rooms of any size, and is read back."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest
import torch

from helpers.grid_cases import SPECS, moved, places
from sslbench.contracts import DatasetRequest, TrainingContext
from sslbench.datasets.simulated.feng2025_ad import Feng2025Ad1
from sslbench.errors import FormatError
from sslbench.geometry import Box
from sslbench_grid2d.adhoc import SteeredFrontend
from sslbench_grid2d.methods import Grid2dAdhoc

SETTINGS, LOSS = Grid2dAdhoc.settings, Grid2dAdhoc.loss


class Few(Feng2025Ad1):
    """A few short clips without reverberation."""

    sizes = MappingProxyType({"smoke": {"train": 16, "validation": 4, "test": 6}})
    chunk = 16


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def data(cache):
    def open_split(split, **params):
        short = {"order": 0, "seconds": 0.25} | params
        return Few(DatasetRequest(split, "smoke", short, None, cache))

    return open_split


def make(**params):
    return Grid2dAdhoc(**({p.name: p.default for p in SPECS["grid2d-adhoc"].parameters} | params))


@pytest.fixture(scope="module")
def fitted(data, tmp_path_factory):
    """Return a trained method, and the batches that its loss was handed."""
    method, batches = make(), []

    def loss(self, network, batch, rng):
        batches.append(batch)
        return LOSS(self, network, batch, rng)

    with pytest.MonkeyPatch.context() as patch:
        shorter = {"epochs": 1, "batch": 8}
        patch.setattr(
            Grid2dAdhoc, "settings", lambda self, scale: replace(SETTINGS(self, scale), **shorter)
        )
        patch.setattr(Grid2dAdhoc, "loss", loss)
        context = TrainingContext(0, "smoke", tmp_path_factory.mktemp("work"), lambda report: None)
        method.fit(data("train"), data("validation"), context)
    return method, batches


@pytest.fixture(scope="module")
def trained(fitted):
    return fitted[0]


@pytest.fixture(scope="module")
def recordings(data):
    return [data("test").scene(index).recording for index in range(6)]


def test_what_is_kept_answers_the_same(trained, recordings, tmp_path):
    trained.save(tmp_path)
    again = make()
    again.load(tmp_path)
    answers = places(trained.locate_many(recordings))
    assert answers.shape == (6, 1, 1, 3)
    assert np.array_equal(answers, places(again.locate_many(recordings)))
    assert again.parameter_count == trained.parameter_count > 0


def test_a_batch_of_rooms_answers_as_one_by_one(trained, recordings):
    alone = [trained.locate(recording) for recording in recordings]
    assert places(trained.locate_many(recordings)) == pytest.approx(places(alone), abs=1e-4)


def test_every_answer_lies_in_its_own_room(trained, recordings):
    sides = {recording.region.high for recording in recordings}
    assert len(sides) == 6
    for recording, answer in zip(recordings, trained.locate_many(recordings), strict=True):
        assert recording.region.contains(answer.tracks.xyz).all()


def test_the_corner_of_a_room_may_be_anywhere(trained, recordings):
    by = np.array([-3.5, 12.0, 0.75])
    elsewhere = trained.locate_many([moved(recording, by) for recording in recordings])
    answers = trained.locate_many(recordings)
    assert places(elsewhere) == pytest.approx(places(answers) + by, abs=2e-3)


def steered(recording):
    heard = recording.audio, recording.array.positions, recording.region.high[:2]
    tensors = (torch.tensor(np.asarray(value, np.float32))[None] for value in heard)
    return SteeredFrontend()(*tensors)[0].numpy().astype(np.float16)


def test_what_is_learned_from_is_what_is_asked(fitted, data):
    method, batches = fitted
    train, seen = data("train"), set()
    for batch in batches:
        assert batch["planes"].dtype == torch.float16
        for planes, index in zip(batch["planes"], batch["index"].tolist(), strict=True):
            recording = train.scene(index).recording
            assert np.array_equal(planes.numpy(), method.question(recording)["planes"])
            assert np.array_equal(planes.numpy(), steered(recording))
            seen.add(index)
    assert seen == set(range(16))


def test_nothing_is_kept_at_paper_scale(trained, recordings, monkeypatch):
    assert trained.features("smoke") == trained.features("quick") == "steered pairs, version 1"
    assert trained.features("paper") is None
    monkeypatch.setitem(trained._facts, "scale", "paper")
    assert set(trained.question(recordings[0])) == {"audio", "microphones", "room"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seconds": 0.5}, r"8000 samples at 16000 Hz\n.*4000 samples at 16000 Hz, as in training"),
        ({"sample_rate": 8000}, "4000 samples at 8000 Hz"),
        ({"max_sources": 2}, "2 sources are asked for"),
        ({"region": Box((0, 0, 0), (5, 5, 2))}, "a search region that is not flat"),
        ({"region": None, "kind": "direction"}, "no search region"),
    ],
)
def test_a_recording_unlike_those_of_training_is_refused(trained, data, change, said):
    length = {name: change[name] for name in ("seconds",) if name in change}
    recording = data("test", **length).scene(0).recording
    other = {name: value for name, value in change.items() if name not in length}
    with pytest.raises(FormatError, match=said) as refused:
        trained.locate(replace(recording, **other))
    assert refused.value.where == recording.id
    assert refused.value.expected


class Ear:
    """A network that only notes which nodes it hears: a sample and a place bear their number."""

    def __init__(self):
        self.heard = None

    def __call__(self, audio, microphones, room):
        self.heard = audio[:, :, 0].long()
        assert torch.equal(microphones, audio[:, :, :1].expand(-1, -1, 3))
        return torch.zeros(len(room), 1, 7, 7)


def nodes(count, batch=4):
    numbers = torch.arange(count).float().expand(batch, count)[:, :, None]
    return {
        "audio": numbers.expand(-1, -1, 9),
        "microphones": numbers.expand(-1, -1, 3),
        "room": torch.full((batch, 2), 5.0),
        "positions": torch.full((batch, 1, 2), 2.0),
        "progress": torch.tensor(0.5),
    }


def drawn(count, seed):
    ear = Ear()
    make().output(ear, nodes(count), torch.Generator().manual_seed(seed))
    return ear.heard


def test_fifteen_nodes_are_drawn_for_each_clip():
    heard = drawn(30, 0)
    assert heard.shape == (4, 15)
    assert all(len(set(clip)) == 15 for clip in heard.tolist())
    assert len({frozenset(clip) for clip in heard.tolist()}) == 4
    assert set(drawn(30, 1).flatten().tolist()) <= set(range(30))


def test_which_nodes_are_drawn_follows_from_the_stream_of_the_training():
    assert torch.equal(drawn(30, 0), drawn(30, 0))
    assert not torch.equal(drawn(30, 0), drawn(30, 1))


@pytest.mark.parametrize("count", [8, 15])
def test_of_fifteen_nodes_or_fewer_all_are_heard(count):
    assert torch.equal(drawn(count, 0), torch.arange(count).expand(4, count))


def test_nodes_are_drawn_in_training_and_all_are_heard_for_an_answer(recordings):
    method, ear = make(), Ear()
    method._facts = {"scale": "paper", "always": True, "sources": 1}
    method.loss(ear, nodes(30), torch.Generator().manual_seed(0))
    assert ear.heard.shape == (4, 15)
    method.answer(ear, nodes(30), recordings[:4])
    assert torch.equal(ear.heard, torch.arange(30).expand(4, 30))


def test_the_published_settings_are_those_of_the_paper():
    settings = make().settings("paper")
    assert (settings.epochs, settings.batch, settings.learning_rate) == (50, 32, 1e-3)
    assert (settings.patience, settings.weight_decay, settings.clip) == (10, 0.01, None)


def test_recordings_of_different_numbers_of_nodes_are_answered_together(data, recordings):
    method = make()
    method._network = method.begin(data("train"), "paper").eval()

    def first(count, recording):
        array = replace(recording.array, positions=recording.array.positions[:count])
        return replace(recording, audio=recording.audio[:count], array=array)

    mixed = [first(count, recordings[n]) for n, count in enumerate((4, 8, 4, 6))]
    alone = [method.locate(recording) for recording in mixed]
    np.testing.assert_allclose(places(method.locate_many(mixed)), places(alone), atol=1e-4)
