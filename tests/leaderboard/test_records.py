"""Only what can be trusted and repeated comes onto a board."""

import json

import pytest

from sslbench.errors import FormatError, LeaderboardError, MissingDataError, StoreError
from sslbench.leaderboard import records
from sslbench.leaderboard.records import add, load
from sslbench.results.record import read_record


def test_a_record_is_copied_with_its_predictions(make_run, boards):
    run = make_run()
    path = add(run, boards)
    assert path == boards / "results/square/1/mine/mine-square-0.json"
    assert path.with_suffix(".npz").read_bytes() == (run.parent / "predictions.npz").read_bytes()
    assert read_record(path).predictions.path == "mine-square-0.npz"


def test_what_is_added_is_loaded_in_the_order_of_paths(make_run, boards):
    for seed in (1, 0):
        add(make_run(seed=seed), boards)
    assert [record.run_id for record in load(boards)] == ["mine-square-0", "mine-square-1"]


def test_no_records_are_no_error(boards):
    assert load(boards) == []


def test_adding_the_same_record_again_changes_nothing(make_run, boards):
    run = make_run()
    before = add(run, boards).stat().st_mtime_ns
    assert add(run, boards).stat().st_mtime_ns == before


def test_another_record_of_the_same_run_is_refused(make_run, boards):
    run = make_run()
    add(run, boards)
    data = json.loads(run.read_text())
    data["cost"]["infer_s"] = 9.0
    run.write_text(json.dumps(data))
    with pytest.raises(LeaderboardError, match=r"mine-square-0.json: another record of this run"):
        add(run, boards)


def test_an_added_record_can_be_added_elsewhere(make_run, boards, tmp_path):
    copy = add(add(make_run(), boards), tmp_path / "other")
    assert [record.run_id for record in load(tmp_path / "other")] == [copy.stem]


def test_a_failed_run_is_refused_with_its_reason(make_run, boards):
    run = make_run(status="failed", reason="out of memory")
    with pytest.raises(LeaderboardError, match="the run failed: out of memory"):
        add(run, boards)


def test_a_dirty_source_is_refused_unless_allowed(make_run, boards):
    run = make_run(source={"commit": None, "dirty": True})
    with pytest.raises(LeaderboardError, match="changes that are in no commit"):
        add(run, boards)
    assert add(run, boards, allow_dirty=True).exists()


def test_a_record_without_its_primary_metric_is_refused(make_run, boards):
    with pytest.raises(LeaderboardError, match="there is no position-error-capped"):
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
    ("change", "said"),
    [
        ({"run_id": "../../evil"}, "'../../evil' cannot name a file"),
        ({"dataset__version": ".."}, "'..' cannot name a file"),
        ({"predictions__path": "../secret.npz"}, r"predictions.path: ../secret.npz"),
        ({"predictions__path": "/etc/passwd"}, r"predictions.path: /etc/passwd"),
    ],
)
def test_a_record_cannot_lead_out_of_its_folder(make_run, boards, change, said):
    with pytest.raises(FormatError, match=said):
        add(make_run(**change), boards)
    assert not boards.exists()


def test_a_damaged_record_is_refused_with_its_key(make_run, boards):
    path = add(make_run(), boards)
    data = json.loads(path.read_text())
    data["cost"]["train_s"] = "long"
    path.write_text(json.dumps(data))
    with pytest.raises(FormatError, match=r"mine-square-0.json: cost.train_s"):
        load(boards)


def test_a_record_in_the_wrong_place_is_refused(make_run, boards):
    path = add(make_run(), boards)
    path.rename(path.with_name("other.json"))
    with pytest.raises(FormatError, match="holds run mine-square-0"):
        load(boards)


def test_a_folder_that_cannot_be_written_is_named(make_run, tmp_path):
    (tmp_path / "leaderboards").write_text("a file")
    with pytest.raises(StoreError, match="leaderboards"):
        add(make_run(), tmp_path / "leaderboards")
