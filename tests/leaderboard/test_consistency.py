"""What a record says of itself is held against the installed data set and method."""

import json
import shutil

import pytest

from helpers import world
from sslbench.cell import Cell
from sslbench.errors import MissingDataError
from sslbench.leaderboard.records import add
from sslbench.leaderboard.verify import rules_from, truth_from, verify
from sslbench.results.store import Store
from sslbench.running.record_builder import make_record
from sslbench.running.stages import Workbench
from sslbench.selection import choose
from sslbench.specs import DatasetSpec, MethodSpec


@pytest.fixture
def bench(tmp_path):
    return Workbench(world.make_registry(), Store(tmp_path / "store"), tmp_path / "cache")


@pytest.fixture
def committed(bench, boards, tmp_path):
    """Run a method and commit its record."""
    method = choose(bench.registry.find(MethodSpec, "corner").spec, {"height": 2.0})
    cell = Cell(
        method, choose(bench.registry.find(DatasetSpec, "noise").spec, {}), "test", "smoke", 0
    )
    predicted = bench.predict(cell, lambda report: None)
    record = make_record(bench, cell, predicted)
    (tmp_path / "record.json").write_text(record.to_json())
    shutil.copy(predicted.path, tmp_path / "predictions.npz")
    return add(tmp_path / "record.json", boards, allow_dirty=True)


@pytest.fixture
def edited(committed, bench, boards):
    """Return a function that edits the record and verifies it, wherever it then belongs."""

    def edit(**changes):
        data = json.loads(committed.read_text())
        for key, value in changes.items():
            outer, _, inner = key.rpartition("__")
            (data[outer] if outer else data)[inner] = value
        names = (data["dataset"]["name"], data["dataset"]["version"], data["method"]["name"])
        place = boards.joinpath("results", *names, f"{data['run_id']}.json")
        place.parent.mkdir(parents=True, exist_ok=True)
        data["predictions"]["path"] = f"{data['run_id']}.npz"
        answers = committed.with_suffix(".npz").read_bytes()
        committed.with_suffix(".npz").unlink()
        committed.unlink()
        place.with_suffix(".npz").write_bytes(answers)
        place.write_text(json.dumps(data))
        (result,) = verify(boards, truth_from(bench), rules_from(bench))
        return result

    return edit


def test_a_run_of_what_is_installed_verifies(edited):
    result = edited()
    assert (result.status, result.details) == ("verified", ())


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("method__reference", True, "method.reference: recorded True, installed False"),
        ("method__licence", "0BSD", "method.licence: recorded 0BSD, installed MIT"),
        ("method__label", "better", "method.label: recorded better, installed corner[height=2.0]"),
        ("dataset__kind", "direction", "dataset.kind: recorded direction, installed position"),
        ("dataset__primary_metric", "coverage", "dataset.primary_metric: recorded coverage"),
        ("dataset__licence", "0BSD", "dataset.licence: recorded 0BSD, installed MIT"),
        ("dataset__version", "9", "dataset.version: recorded 9, installed 1"),
        ("dataset__label", "hard", "dataset.label: recorded hard, installed noise"),
        ("dataset__split", "made-up", "dataset.split: recorded made-up"),
        ("run_id", "corner-noise-1", "run_id: recorded corner-noise-1, its facts give corner-"),
        ("method__params", {"height": 1.0}, "run_id: recorded"),
        ("seeds", [1], "run_id: recorded"),
        ("scale", "paper", "run_id: recorded"),
        ("method__name", "late", "late has no parameter 'height'"),
        ("method__params", {"width": 1.0}, "corner has no parameter 'width'"),
        ("dataset__params", {"t60": 1.0}, "noise has no parameter 't60'"),
        ("dataset__name", "silence", "no data set is named 'silence'"),
    ],
)
def test_an_edited_fact_is_found(edited, key, value, said):
    result = edited(**{key: value})
    assert result.status == "differs"
    assert said in "\n".join(result.details)


def test_of_a_method_that_is_not_installed_only_the_numbers_are_checked(edited):
    assert edited(method__name="foreign", method__label="any", run_id="x").status == "verified"


def test_missing_data_hides_no_edited_fact(edited, monkeypatch):
    def missing(*given):
        raise MissingDataError("not here")

    monkeypatch.setattr(world.Noise, "scene", missing)
    assert edited(method__licence="0BSD").status == "differs"


def test_missing_data_of_a_true_record_is_no_data(edited, monkeypatch):
    def missing(*given):
        raise MissingDataError("not here")

    monkeypatch.setattr(world.Noise, "scene", missing)
    assert edited().status == "no data"
