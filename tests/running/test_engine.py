"""Cells become outcomes and records; what fails, fails alone."""

import json
import threading
import time
import warnings

import numpy as np
import pytest

from helpers import world
from sslbench.cell import CellOutcome
from sslbench.errors import StoreError
from sslbench.results.record import read_record
from sslbench.running.executors import exit_code
from sslbench.running.keys import prediction_key
from sslbench.scene import Prediction, Tracks


def test_a_cell_ends_in_a_record_with_scores_cost_and_conditions(session, record, cell):
    found = record(cell("corner"))
    scenes = session.dataset(cell("corner").dataset, "test", "smoke")
    truth = [scenes.truth(index)[1].tracks.xyz[0, 0] for index in range(4)]
    error = np.mean([np.linalg.norm(position - 1) for position in truth])
    assert found.metric("position-error-mean").value == pytest.approx(error, rel=1e-6)
    assert found.cost.infer_s > 0
    assert found.dataset.recordings == 4
    assert sum(scores[0].n for scores in found.by_condition["snr_db"].values()) == 4


def test_a_record_is_of_schema_3_with_one_seed_and_one_protocol(record, cell):
    found = record(cell("corner", protocol="lemoing2019"))
    assert (found.schema_version, found.seed, found.protocol) == (3, 0, "lemoing2019")


def test_a_record_has_the_clusters_of_its_recordings(record, cell):
    assert record(cell("detector", "walk")).dataset.clusters == {"talker": [0, 1, 0]}


def test_a_record_says_which_package_the_method_comes_from(record, cell):
    plugin = record(cell("corner")).method.plugin
    assert plugin.distribution == "unknown"
    assert len(plugin.files_sha256) == 64


def test_the_name_of_a_run_can_be_read(run, cell):
    (outcome,) = run(cell("corner[height=2]", "noise[broken=false]+mics[n=3]:validation"))
    assert outcome.run_id == "corner,height=2.0--noise+mics,n=3--validation-smoke-s0"


def test_the_name_of_a_run_has_its_protocol(run, cell):
    (outcome,) = run(cell("corner", protocol="feng2025"))
    assert outcome.run_id == "corner--noise--test-smoke-s0--feng2025"


def test_folders_of_own_data_make_different_runs_without_their_names(run, cell, monkeypatch):
    (one,) = run(cell("corner", "noise[folder=/home/me/a]"))
    monkeypatch.setattr(world.Noise, "fingerprint", lambda self: "ab" * 32)
    (other,) = run(cell("corner", "noise[folder=/home/me/b]"), fresh=True)
    assert one.run_id != other.run_id
    assert "home" not in one.run_id + other.run_id


def test_a_second_run_does_not_call_the_method(run, cell):
    (first,), (second,) = run(cell("corner")), run(cell("corner"))
    assert (world.Corner.calls, second.reused, second.run_id) == (4, True, first.run_id)


def test_a_fresh_run_calls_the_method_again(run, cell):
    run(cell("corner"))
    assert not run(cell("corner"), fresh=True)[0].reused
    assert world.Corner.calls == 8


def test_another_parameter_is_another_run(run, cells):
    outcomes = run(*cells("corner[height={1,2}]"))
    assert len({outcome.run_id for outcome in outcomes}) == 2


def test_a_parameter_without_identity_changes_no_key(session, cells):
    keys = {prediction_key(session, cell) for cell in cells("corner", "noise[folder={a,b}]")}
    assert len(keys) == 1


def test_observers_see_what_happens_in_order(run, cell):
    run(cell("learner"))
    assert world.WORLD.seen == ["started", "epoch 1", "ok"]


def test_an_observer_that_raises_is_reported_and_changes_nothing(run, cell, capsys, monkeypatch):
    monkeypatch.setattr(world.WORLD, "seen", None)
    assert run(cell("corner"))[0].status == "ok"
    assert "raised in sslbench_cell_started: AttributeError" in capsys.readouterr().err


def test_a_method_that_raises_fails_its_cell_and_no_other(run, cell):
    outcomes = run(cell("raising"), cell("corner"))
    assert [outcome.status for outcome in outcomes] == ["failed", "ok"]
    assert "ZeroDivisionError: in the middle" in outcomes[0].reason
    assert "noise-0" in outcomes[0].reason
    assert exit_code(outcomes) == 1


def test_a_cell_that_failed_is_run_again_only_on_request(run, cell, tmp_path):
    switch = tmp_path / "now it works"
    raising = cell(f"raising[unless={switch}]")
    run(raising)
    switch.touch()
    assert "--retry-failed" in run(raising)[0].reason
    assert run(raising, retry_failed=True)[0].status == "ok"
    assert run(raising)[0].status == "ok"


def test_fail_fast_begins_nothing_after_a_failure(run, cell):
    outcomes = run(cell("raising"), cell("corner"), fail_fast=True)
    assert [outcome.status for outcome in outcomes] == ["failed"]


def test_a_prediction_at_other_times_fails(run, cell):
    (outcome,) = run(cell("late"))
    assert "noise-0 has times that differ by up to 8.95 s" in outcome.reason


def test_a_method_is_not_given_the_id_of_a_recording(run, cell):
    run(cell("name-reader"))
    assert world.NameReader.names == [f"recording-{index:06d}" for index in range(4)]


def test_a_method_that_cannot_be_constructed_fails_its_cell_and_no_other(run, cell):
    outcomes = run(cell("unconstructible"), cell("corner"))
    assert [outcome.status for outcome in outcomes] == ["failed", "ok"]
    assert "StopIteration" in outcomes[0].reason


def test_a_data_set_without_scenes_fails_its_cell(run, cell, monkeypatch):
    monkeypatch.setattr(world.Noise, "__len__", lambda self: 0)
    assert run(cell("corner"))[0].status == "failed"


def test_two_recordings_of_one_id_are_refused(run, cell, monkeypatch):
    scene = world.Noise.scene
    monkeypatch.setattr(world.Noise, "scene", lambda self, index: scene(self, 0))
    assert "two recordings have the same id" in run(cell("corner"))[0].reason


def test_the_provenance_is_that_of_the_predictions(record, cell, monkeypatch):
    monkeypatch.setattr("sslbench.running.prediction.environment", lambda _: {"then": "yes"})
    assert record(cell("corner")).environment == {"then": "yes"}
    monkeypatch.setattr("sslbench.running.prediction.environment", lambda _: {"now": "yes"})
    assert record(cell("corner")).environment == {"then": "yes"}
    assert record(cell("corner"), fresh=True).environment == {"now": "yes"}


def test_a_recording_with_nan_is_named_with_its_channel(run, cell):
    (outcome,) = run(cell("corner", "noise[broken=true]"))
    assert "noise-2: channel 1 has NaN" in outcome.reason
    assert outcome.exit_code == 4


def test_recordings_that_do_not_fit_are_skipped_with_the_reason(run, cell):
    (outcome,) = run(cell("needs-many"))
    assert (outcome.status, outcome.exit_code) == ("skipped", 0)
    assert outcome.reason == "needs-many needs 9 microphones, there are 4"


def test_an_alteration_that_is_not_possible_skips_the_cell(run, cell):
    (outcome,) = run(cell("corner", "noise+mics[n=5]"))
    assert (outcome.status, outcome.reason) == (
        "skipped",
        "mics[n=5]: there are only 4 microphones",
    )


def test_failing_to_save_is_fatal(run, cell, monkeypatch):
    def full(*_):
        raise StoreError("cannot be written: No space left on device")

    monkeypatch.setattr("sslbench.results.store.Store.put_run", full)
    with pytest.raises(StoreError):
        run(cell("corner"))


def test_an_interrupt_keeps_what_was_finished(run, cell, session, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(world.Late, "locate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(cell("corner"), cell("late"))
    assert len(session.store.runs()) == 1
    assert not list(session.store.root.glob("tmp/*"))


def test_damaged_predictions_in_the_store_are_made_again(run, cell, session):
    (outcome,) = run(cell("corner"))
    (path,) = session.store.root.glob("predict/*/predictions.npz")
    path.write_bytes(b"damaged")
    (again,) = run(cell("corner"))
    assert (again.run_id, again.reused) == (outcome.run_id, False)


def test_a_damaged_description_of_a_stage_is_made_again(run, cell, session):
    run(cell("corner"))
    (path,) = session.store.root.glob("predict/*/stage.json")
    path.write_text(json.dumps({"cell": "corner", "unknown": 1}))
    assert not run(cell("corner"))[0].reused


def test_a_stage_that_another_run_is_doing_is_waited_for_and_used(run, cell, session):
    key = prediction_key(session, cell("corner"))
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.extend(run(cell("corner"))))
    with session.store.lock(key):
        thread.start()
        time.sleep(0.2)
        assert not outcomes
    thread.join(timeout=20)
    assert outcomes[0].status == "ok"


def test_an_executor_is_chosen_with_its_parameters(run, cells):
    chosen = cells("corner[height={1,2,3}]")
    assert len(run(*chosen, executor="limited[most=2]")) == 2


def test_a_warning_of_a_method_is_printed_once_per_cell(run, cell, capsys, monkeypatch):
    def locate(self, recording):
        warnings.warn(f"badly scaled: {recording.id}", stacklevel=1)
        return Prediction(Tracks.still(recording, [1, 1, 1]))

    monkeypatch.setattr(world.Corner, "locate", locate)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run(cell("corner"))[0].status == "ok"
    assert capsys.readouterr().err.count("UserWarning: badly scaled") == 1


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([("ok", 0)], 0),
        ([("ok", 0), ("skipped", 0)], 0),
        ([("ok", 0), ("failed", 4)], 1),
        ([("failed", 4), ("skipped", 0)], 4),
        ([("failed", 4), ("failed", 3)], 1),
    ],
)
def test_the_exit_code_distinguishes_a_common_cause_from_single_failures(cell, results, code):
    outcomes = [CellOutcome(cell("corner"), status, exit_code=c) for status, c in results]
    assert exit_code(outcomes) == code


def _values(session, outcomes):
    records = [read_record(session.store.run(outcome.run_id)) for outcome in outcomes]
    return {record.run_id: record.metrics for record in records}


def test_two_processes_give_the_same_records_as_one(run, cells, session):
    chosen = cells("corner[height={0,1}]")
    values = _values(session, run(*chosen, jobs=2))
    for folder in ("runs", "predict"):
        for path in (session.store.root / folder).iterdir():
            path.rename(session.store.root / "tmp" / path.name)
    assert _values(session, run(*chosen)) == values


def test_a_process_that_dies_fails_its_cell_and_no_other(run, cell):
    chosen = [cell("corner"), cell("crashing"), cell("corner[height=2]")]
    outcomes = {str(outcome.cell.method): outcome for outcome in run(*chosen, jobs=2)}
    assert [outcomes[str(c.method)].status for c in chosen] == ["ok", "failed", "ok"]
    assert "its process died" in outcomes["crashing"].reason
