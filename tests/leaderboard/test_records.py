"""Committed records can be trusted, and are found under names that can be read."""

import pytest

from helpers.records import training
from sslbench.errors import FormatError, LeaderboardError, MissingDataError, StoreError
from sslbench.leaderboard import records
from sslbench.leaderboard.records import add, load
from sslbench.results.record import read_record


def test_a_record_is_copied_with_its_predictions(make_run, boards):
    run = make_run()
    path = add(run, boards)
    assert path == boards / "results/square/1/mine/test-smoke-s0.json"
    assert path.with_suffix(".npz").read_bytes() == (run.parent / "predictions.npz").read_bytes()
    assert read_record(path).predictions.path == "test-smoke-s0.npz"


def test_the_file_name_has_what_differs_from_the_defaults(make_run, boards):
    changes = {
        "method__label": "mine[grid=0.1]+nearest",
        "method__additions": [{"name": "nearest", "version": 1, "params": {}}],
        "method__training": [training("walk")],
        "dataset__label": "square[t60=0.2]",
        "protocol": "feng2025",
    }
    path = add(make_run(**changes), boards)
    expected = "mine+nearest/grid=0.1+nearest-t60=0.2-feng2025-on-walk-test-smoke-s0.json"
    assert path.relative_to(boards / "results/square/1").as_posix() == expected


def test_records_are_loaded_in_the_order_of_their_paths(make_run, boards):
    for seed in (1, 0):
        add(make_run(seed=seed), boards)
    assert [record.seed for record in load(boards)] == [0, 1]


def test_no_records_are_no_error(boards):
    assert load(boards) == []


def test_a_record_that_is_there_already_stays_as_it_is(make_run, boards, edit):
    run = make_run()
    before = add(run, boards).read_bytes()
    edit(run, lambda data: data["cost"].update(infer_s=9.0))
    assert add(run, boards).read_bytes() == before


def test_another_run_of_the_same_name_gets_a_hash(make_run, boards):
    first = add(make_run(), boards)
    run = make_run(error=0.2)
    second = add(run, boards)
    sha256 = read_record(run).predictions.sha256
    assert second.name == f"test-smoke-s0-{sha256[:6]}.json"
    assert second.parent == first.parent
    assert len(load(boards)) == 2
    assert add(run, boards) == second


def test_an_added_record_can_be_added_elsewhere(make_run, boards, tmp_path):
    copy = add(add(make_run(), boards), tmp_path / "other")
    assert copy.name == "test-smoke-s0.json"
    assert len(load(tmp_path / "other")) == 1


def test_a_dirty_source_is_refused_unless_allowed(make_run, boards):
    run = make_run(source={"commit": None, "dirty": True})
    with pytest.raises(LeaderboardError, match="the source had uncommitted changes"):
        add(run, boards)
    assert add(run, boards, allow_dirty=True).exists()


def test_a_record_without_its_primary_metric_is_refused(make_run, boards):
    with pytest.raises(LeaderboardError, match="there is no position-error-"):
        add(make_run(metrics=[]), boards)


def test_missing_predictions_are_named(make_run, boards):
    run = make_run()
    (run.parent / "predictions.npz").unlink()
    with pytest.raises(MissingDataError, match=r"predictions.npz: the predictions are missing"):
        add(run, boards)


def test_other_predictions_than_were_scored_are_refused(make_run, boards):
    run = make_run()
    with (run.parent / "predictions.npz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(FormatError, match=r"predictions.npz: checksum"):
        add(run, boards)


def test_predictions_must_be_small(make_run, boards, monkeypatch):
    monkeypatch.setattr(records, "MAX_PREDICTIONS_BYTES", 100)
    with pytest.raises(LeaderboardError, match="MB of predictions"):
        add(make_run(), boards)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset__name": "../../evil"}, "'../../evil' cannot be part of a file name"),
        ({"dataset__version": ".."}, "'..' cannot be part of a file name"),
        ({"method__name": "a/b"}, "'a/b' cannot be part of a file name"),
        ({"method__name": ""}, "'' cannot be part of a file name"),
        ({"predictions__path": "../secret.npz"}, r"predictions.path: ../secret.npz"),
        ({"predictions__path": "/etc/passwd"}, r"predictions.path: /etc/passwd"),
    ],
)
def test_a_record_cannot_lead_out_of_its_folder(make_run, boards, change, message):
    with pytest.raises(FormatError, match=message):
        add(make_run(**change), boards)
    assert not boards.exists()


def test_a_damaged_record_is_refused_with_its_key(make_run, boards, edit):
    path = add(make_run(), boards)
    edit(path, lambda data: data["cost"].update(train_s="long"))
    with pytest.raises(FormatError, match=r"test-smoke-s0.json: cost.train_s"):
        load(boards)


def test_a_record_in_the_wrong_place_is_refused(make_run, boards):
    path = add(make_run(), boards)
    path.rename(path.with_name("other.json"))
    with pytest.raises(FormatError, match="has run mine--square--test-smoke-s0"):
        load(boards)


def test_a_folder_that_cannot_be_written_is_named(make_run, tmp_path):
    (tmp_path / "leaderboards").write_text("a file")
    with pytest.raises(StoreError, match="leaderboards"):
        add(make_run(), tmp_path / "leaderboards")
