"""Learned methods in the stages of a run: with parts, fine-tuned, and found again."""

import json
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

from helpers import tiny_plugin
from helpers.tiny_network import TinyNetwork
from sslbench.cell import Cell, Training
from sslbench.contracts import Trainable
from sslbench.hookspecs import hookimpl
from sslbench.registry import Registry
from sslbench.results.store import Store
from sslbench.running.prediction import predict
from sslbench.running.session import Session
from sslbench.running.training import train
from sslbench.selection import choose
from sslbench.specs import DatasetSpec, MethodSpec, Part


class Gain(Trainable):
    """A part that learns the number of training scenes."""

    fitted = 0

    def fit(self, train, validation, context):
        type(self).fitted += 1
        self.value = len(train)

    def save(self, folder):
        (folder / "gain.json").write_text(json.dumps(self.value))

    def load(self, folder):
        self.value = json.loads((folder / "gain.json").read_text())

    @property
    def report(self):
        return {"gain": float(self.value)}


class WithPart(TinyNetwork):
    """Needs the part for its inputs."""

    gains: ClassVar[list[int]] = []

    def inputs(self, recording):
        self.gains.append(self.parts["gain"].value)
        return {"gcc": super().inputs(recording)["gcc"] * self.parts["gain"].value}


class Plugin:
    @hookimpl
    def sslbench_methods(self):
        (tiny,) = tiny_plugin.sslbench_methods()
        part = Part(name="gain", target=f"{__name__}:Gain")
        return [
            tiny,
            replace(tiny, name="with-part", target=f"{__name__}:WithPart", parts=(part,)),
        ]

    @hookimpl
    def sslbench_datasets(self):
        return [
            DatasetSpec(
                name="noise-in-room",
                target="helpers.tiny_data:NoiseInRoom",
                summary="noise",
                version="1",
                kind="position",
                array="four microphones",
                licence="MIT",
                primary_metric="position-error-mean",
                simulated=True,
            )
        ]


class _Given(EntryPoint):
    def load(self):
        return Plugin()


@pytest.fixture
def session(tmp_path):
    points = [
        EntryPoint("metrics", "sslbench.metrics", "sslbench"),
        EntryPoint("protocols", "sslbench.scoring", "sslbench"),
        _Given("tiny", "tiny", "sslbench"),
    ]
    registry = Registry(points, strict=True)
    return Session(registry, Store(tmp_path / "store"), tmp_path / "cache", device="cpu")


def training(session, method, **changes):
    chosen = choose(session.registry.find(MethodSpec, method).spec, {"hidden": 8})
    data = choose(session.registry.find(DatasetSpec, "noise-in-room").spec, {})
    return Training(chosen, data, "smoke", 0, **changes)


@pytest.fixture(autouse=True)
def _one_epoch(monkeypatch):
    original = TinyNetwork.settings
    monkeypatch.setattr(
        TinyNetwork, "settings", lambda self, scale: replace(original(self, scale), epochs=1)
    )
    monkeypatch.setattr(WithPart, "gains", [])
    monkeypatch.setattr(Gain, "fitted", 0)


def test_a_part_is_trained_once_and_handed_to_the_method(session):
    wanted = training(session, "with-part")
    train(session, wanted, lambda report: None)
    assert set(WithPart.gains) == {48}
    predict(session, cell_of(wanted), lambda report: None)
    assert set(WithPart.gains) == {48}
    assert Gain.fitted == 1


def test_the_report_of_a_part_is_kept_with_the_predictions(session):
    found = predict(session, cell_of(training(session, "with-part")), lambda report: None)
    assert [(part.name, part.report) for part in found.left.parts] == [("gain", {"gain": 48.0})]


def test_a_training_is_found_again_with_its_curve(session):
    reports = []
    first = train(session, training(session, "tiny-network"), reports.append)
    again = train(session, training(session, "tiny-network"), reports.append)
    assert len(reports) == 1
    assert again == first
    assert [row["epoch"] for row in first.curve] == [1]


def test_fine_tuning_trains_the_first_stage_too(session):
    start = training(session, "tiny-network")
    second = training(session, "tiny-network", start=start)
    reports = []
    train(session, second, reports.append)
    rates = [report.values["learning_rate"] for report in reports]
    assert rates[1] == pytest.approx(rates[0] / 10)


def cell_of(wanted):
    return Cell(wanted.method, wanted.data, "test", "smoke", training=wanted)
