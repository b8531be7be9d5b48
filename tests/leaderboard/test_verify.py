"""Committed scores are computed again from committed predictions."""

import hashlib
import shutil
from pathlib import Path

import pytest

from helpers import world
from helpers.records import replaced
from sslbench.errors import (
    FormatError,
    LeaderboardError,
    MissingDataError,
    ParameterError,
    PluginError,
    UnknownNameError,
)
from sslbench.leaderboard.records import add
from sslbench.leaderboard.verify import verify
from sslbench.registry import Registry
from sslbench.results.predictions import dump_predictions, read_predictions
from sslbench.results.store import Store
from sslbench.running.session import Session

COMMITTED = Path(__file__).resolve().parents[2] / "leaderboards"


@pytest.fixture
def committed(make_run, boards):
    return add(make_run(), boards)


@pytest.fixture
def checked(session, boards):
    """Verify the only record."""

    def check():
        (result,) = verify(session, boards)
        return result

    return check


@pytest.fixture
def details(checked):
    """Verify the only record, which must differ; return in what."""

    def check():
        result = checked()
        assert result.status == "differs"
        return result.details

    return check


def test_several_processes_find_what_one_finds(boards, tmp_path, monkeypatch):
    source = COMMITTED / "results" / "feng2025-l1" / "1"
    target = boards / "results" / "feng2025-l1" / "1"
    for method in ("room-centre", "random-position"):
        quick = shutil.ignore_patterns("*quick*")
        shutil.copytree(source / method, target / method, ignore=quick)
    damaged = target / "random-position" / "test-smoke-s0.npz"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    monkeypatch.setattr("sslbench.leaderboard.verify.GROUP", 1)
    session = Session(Registry.installed(), Store(tmp_path / "store"), tmp_path / "scenes")
    alone = list(verify(session, boards))
    assert list(verify(session, boards, processes=2)) == alone
    assert {result.status for result in alone} == {"verified", "differs"}


def raising(error):
    def fail(*_):
        raise error

    return fail


def test_a_committed_record_verifies(committed, checked):
    result = checked()
    assert (result.status, result.details) == ("verified", ())
    assert (result.run_id, result.path) == ("mine--square--test-smoke-s0", committed)


@pytest.mark.parametrize(
    ("key", "value"), [("value", 0.01), ("value", None), ("ci95", [0.0, 1.0]), ("n", 99)]
)
def test_an_edited_number_is_found(committed, edit, details, key, value):
    edit(committed, lambda data: data["metrics"][0].update({key: value}))
    assert any("recorded" in line and "scored again" in line for line in details())


@pytest.mark.parametrize(("share", "status"), [(5e-7, "verified"), (2e-6, "differs")])
def test_values_are_the_same_up_to_a_millionth(committed, edit, checked, share, status):
    def grow(data):
        data["metrics"][0]["value"] *= 1 + share

    edit(committed, grow)
    assert checked().status == status


def test_an_edited_direction_is_found(committed, edit, details):
    edit(committed, lambda data: data["metrics"][0].update(higher_is_better=True))
    assert "unit or direction was changed" in details()[0]


def test_an_edited_condition_is_found(committed, edit, details):
    edit(committed, lambda data: data["by_condition"]["t60_s"]["0.4"][0].update(value=0.0))
    assert details()[0].startswith("t60_s 0.4: position-error-")


def test_a_condition_that_cannot_be_computed_again_is_found(committed, edit, details):
    def invent(data):
        data["by_condition"]["mood"] = data["by_condition"]["t60_s"]

    edit(committed, invent)
    assert details() == (
        "condition mood 0.2 cannot be computed again",
        "condition mood 0.4 cannot be computed again",
    )


def test_dropped_conditions_are_found(committed, edit, details):
    edit(committed, lambda data: data["by_condition"].pop("t60_s"))
    assert details() == ("condition t60_s 0.2 is missing", "condition t60_s 0.4 is missing")


def test_a_condition_without_scores_is_found(committed, edit, details):
    edit(committed, lambda data: data["by_condition"]["t60_s"]["0.4"].clear())
    (line,) = details()
    assert line.startswith("t60_s 0.4: position-error-")
    assert line.endswith("is missing from the record")


def test_a_dropped_metric_is_found(committed, edit, details):
    def drop(data):
        data["metrics"] = [each for each in data["metrics"] if each["name"] != "coverage"]

    edit(committed, drop)
    assert details() == ("coverage is missing from the record",)


def test_a_metric_that_occurs_twice_is_found(committed, edit, details):
    edit(committed, lambda data: data["metrics"].append(data["metrics"][1]))
    assert details() == ("position-error-mean occurs 2 times",)


def test_edited_values_on_resamples_are_found(committed, edit, details):
    edit(committed, lambda data: data["resampled"]["values"].reverse())
    assert "on resamples is not what the predictions give" in details()[0]


def test_missing_values_on_resamples_are_found(committed, edit, details):
    edit(committed, lambda data: data.update(resampled=None))
    assert "on resamples is missing from the record" in details()[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [("recordings", 1000), ("clusters", {"talker": [0] * 12}), ("clusters", {})],
)
def test_an_edited_fact_about_the_recordings_is_found(committed, edit, details, key, value):
    edit(committed, lambda data: data["dataset"].update({key: value}))
    (line,) = details()
    assert line.startswith(f"dataset.{key}: recorded {value}, computed ")


def test_a_record_without_scores_is_found(committed, edit, details):
    edit(committed, lambda data: data.update(metrics=[], by_condition={}))
    assert "position-error-mean is missing from the record" in details()


def test_other_predictions_are_found(committed, details, make_run):
    other = make_run("other", error=0.01).with_name("predictions.npz")
    committed.with_suffix(".npz").write_bytes(other.read_bytes())
    assert "checksum" in details()[0]


def test_other_predictions_with_their_checksum_are_found(committed, details, make_run, edit):
    other = make_run("other", error=0.01).with_name("predictions.npz").read_bytes()
    committed.with_suffix(".npz").write_bytes(other)
    sha256 = hashlib.sha256(other).hexdigest()
    edit(committed, lambda data: data["predictions"].update(sha256=sha256))
    assert any("position-error-mean value: recorded" in line for line in details())


def test_missing_predictions_are_found(committed, details):
    committed.with_suffix(".npz").unlink()
    assert "the predictions are missing" in details()[0]


def test_missing_recordings_are_found(committed, details, edit):
    path = committed.with_suffix(".npz")
    predictions = read_predictions(path)
    del predictions["square-3"]
    path.write_bytes(dump_predictions(predictions))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    edit(committed, lambda data: data["predictions"].update(sha256=sha256))
    assert "1 recordings are only among the predictions or only in the data set" in details()[0]


def test_a_damaged_record_does_not_hide_the_others(committed, boards, make_run, session):
    add(make_run("other"), boards)
    committed.write_text("{")
    assert [(result.path.parent.name, result.status) for result in verify(session, boards)] == [
        ("mine", "differs"),
        ("other", "verified"),
    ]


def test_missing_data_is_reported_with_the_reason(committed, checked, monkeypatch):
    error = MissingDataError("no folder", where="square")
    monkeypatch.setattr(world.Square, "__init__", raising(error))
    assert (checked().status, checked().details) == ("no data", ("square: no folder",))


@pytest.mark.parametrize("error", [UnknownNameError, ParameterError, PluginError, FormatError])
def test_another_error_is_a_difference(committed, details, monkeypatch, error):
    monkeypatch.setattr(world.Square, "__init__", raising(error("cannot be opened")))
    assert details() == ("cannot be opened",)


def test_other_scenes_are_found(committed, details, monkeypatch):
    monkeypatch.setattr(world.Square, "fingerprint", lambda self: "0" * 64)
    assert "the scenes of square have changed since the predictions were made" in details()[0]


def test_another_version_of_a_metric_is_not_compared(committed, edit, details):
    edit(committed, lambda data: data["metrics"][1].update(version=7))
    assert details() == ("position-error-mean has version 1 here, 7 in the record",)


def test_a_metric_that_is_not_installed_differs(committed, edit, details):
    edit(committed, lambda data: data["metrics"][1].update(name="loudness"))
    assert details() == (
        "position-error-mean is missing from the record",
        "loudness is not installed for this kind and protocol",
    )


def test_an_unknown_protocol_is_found(make_run, boards, details):
    add(make_run(protocol="made-up"), boards)
    assert "no protocol is named 'made-up'" in details()[0]


def test_an_unknown_data_set_is_found(make_run, boards, details):
    add(make_run(dataset__name="circle", dataset__label="circle"), boards)
    assert "no data set is named 'circle'" in details()[0]


def test_each_data_set_is_opened_once_for_all_records(make_run, boards, session):
    for seed in range(3):
        add(make_run(seed=seed), boards)
    world.reset()
    assert [result.status for result in verify(session, boards)] == ["verified"] * 3
    assert world.Counted.opened == ["test"]


def test_a_folder_without_records_does_not_verify(boards, session):
    with pytest.raises(LeaderboardError, match="there is no such folder"):
        list(verify(session, boards))
    boards.mkdir()
    with pytest.raises(LeaderboardError, match="there are no records"):
        list(verify(session, boards))


def test_a_record_is_moved_with_its_name(committed, edit, details):
    edit(committed, lambda data: replaced(data, method__label="mine[x=1]"))
    assert "expected: the file name" in details()[0]
