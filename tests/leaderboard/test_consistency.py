"""Besides its scores, a record is compared with the installed data set and method."""

import json

import pytest

from helpers import world
from helpers.records import replaced
from sslbench.errors import MissingDataError
from sslbench.leaderboard.records import add
from sslbench.leaderboard.verify import verify
from sslbench.results.names import file_stem, method_folder
from sslbench.results.record import RunRecord
from sslbench.results.store import Store
from sslbench.running.config import RunConfig
from sslbench.running.engine import CellRunner
from sslbench.running.executors import run_cells
from sslbench.running.plan import make_plan


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Run an installed method; return the folder of its run."""
    registry, folder = world.make_registry(), tmp_path_factory.mktemp("run")
    config = RunConfig(method=("corner[height=2]",), dataset=("noise+mics[n=3]",))
    runner = CellRunner(folder, folder)
    (outcome,) = run_cells(registry, config, runner, make_plan(registry, config).cells)
    return Store(folder).run(outcome.run_id).parent


@pytest.fixture
def edited(stored, session, boards):
    """Return a function that edits the record and verifies it in the place that it then has."""

    def edit(**changes):
        data = json.loads((stored / "record.json").read_text())
        data["source"] = {"commit": None, "dirty": False}
        record = RunRecord.model_validate(replaced(data, **changes))
        folder = boards / "results" / record.dataset.name / record.dataset.version
        place = folder / method_folder(record) / file_stem(record)
        place.parent.mkdir(parents=True)
        data["predictions"]["path"] = f"{place.name}.npz"
        place.with_name(f"{place.name}.json").write_text(json.dumps(data))
        predictions = (stored / "predictions.npz").read_bytes()
        place.with_name(f"{place.name}.npz").write_bytes(predictions)
        (result,) = verify(session, boards)
        return result

    return edit


def test_a_run_of_an_installed_method_verifies(stored, session, boards):
    add(stored / "record.json", boards, allow_dirty=True)
    (result,) = verify(session, boards)
    assert (result.status, result.details) == ("verified", ())


@pytest.mark.parametrize(
    ("key", "value", "message"),
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
        ("run_id", "corner-noise-1", "run_id: recorded corner-noise-1, its content gives corner,"),
        ("method__params", {"height": 1.0}, "method.label: recorded corner[height=2.0], installed"),
        ("dataset__additions", [], "the scenes of noise+mics[n=3] have changed"),
        ("scale", "paper", "the scenes of noise+mics[n=3] have changed"),
        ("method__name", "late", "late has no parameter 'height'"),
        ("method__params", {"width": 1.0}, "corner has no parameter 'width'"),
        ("dataset__params", {"t60": 1.0}, "noise has no parameter 't60'"),
        ("dataset__name", "silence", "no data set is named 'silence'"),
        (
            "method__additions",
            [{"name": "farthest", "version": 1, "params": {}}],
            "no tracker is named 'farthest'",
        ),
    ],
)
def test_an_edited_fact_is_found(edited, key, value, message):
    result = edited(**{key: value})
    assert result.status == "differs"
    assert message in "\n".join(result.details)


def test_of_a_method_that_is_not_installed_only_the_numbers_are_checked(edited):
    assert edited(method__name="foreign", method__label="any").status == "verified"


@pytest.mark.parametrize(("licence", "status"), [("MIT", "no data"), ("0BSD", "differs")])
def test_missing_data_does_not_hide_an_edited_fact(edited, monkeypatch, licence, status):
    def missing(*given):
        raise MissingDataError("not here")

    monkeypatch.setattr(world.Noise, "scene", missing)
    assert edited(method__licence=licence).status == status
