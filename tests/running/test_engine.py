import json
import time

import numpy as np
import pytest

from helpers import world
from sslbench.cell import CellOutcome
from sslbench.errors import StoreError
from sslbench.results.record import read_record
from sslbench.running.config import RunConfig
from sslbench.running.engine import CellRunner, exit_code, run_cells


@pytest.fixture
def runner(bench):
    return CellRunner(bench.store.root, bench.cache, plugins=world.make_registry)


@pytest.fixture
def run(registry, runner):
    """Run cells and return the outcomes."""

    def go(*cells, **options):
        return list(run_cells(registry, RunConfig(**options), runner, cells))

    return go


def test_a_cell_ends_in_a_record_with_scores_cost_and_strata(bench, run, cell):
    (outcome,) = run(cell("corner"))
    record = read_record(bench.store.run(outcome.run_id))
    scenes = bench.dataset(outcome.cell.dataset, "test", "smoke")
    error = np.mean([np.linalg.norm(scenes.truth(i)[1].xyz[0, 0] - 1) for i in range(4)])
    assert record.metric("position-error-mean").value == pytest.approx(error, rel=1e-6)
    assert record.cost.infer_s > 0
    assert record.cost.peak_ram_mb > 1
    assert record.dataset.recordings == 4
    assert sum(s[0].n for s in record.strata["snr_db"].values()) == 4


def test_a_second_run_asks_the_method_nothing(run, cell):
    first = run(cell("corner"))[0]
    second = run(cell("corner"))[0]
    assert (world.Corner.asked, second.reused, second.run_id) == (4, True, first.run_id)


def test_another_parameter_is_another_run(run, cell):
    outcomes = run(cell("corner"), cell("corner", height=2.0))
    assert len({outcome.run_id for outcome in outcomes}) == 2


def test_a_parameter_without_identity_changes_no_key(bench, cell):
    keys = {bench.predict_key(cell("corner", noise={"folder": f})) for f in ("", "elsewhere")}
    assert len(keys) == 1


def test_a_learned_method_is_trained_once_and_its_training_recorded(bench, run, cell):
    outcome = run(cell("learner"))[0]
    run(cell("learner"))
    record = read_record(bench.store.run(outcome.run_id))
    assert world.Learner.fitted == 1
    assert record.method.trained_on == "noise:train (smoke)"
    assert record.method.parameters == 3
    assert record.cost.train_s > 0


def test_each_seed_is_trained_for_itself(run, cell):
    run(cell("learner", 0), cell("learner", 1))
    assert world.Learner.fitted == 2


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


def test_what_failed_is_not_tried_again_unless_asked(run, cell, tmp_path):
    switch = tmp_path / "now it works"
    run(cell("raising", unless=str(switch)))
    switch.touch()
    assert "--retry-failed" in run(cell("raising", unless=str(switch)))[0].reason
    assert run(cell("raising", unless=str(switch)), retry_failed=True)[0].status == "ok"
    assert run(cell("raising", unless=str(switch)))[0].status == "ok"


def test_fail_fast_begins_nothing_after_a_failure(run, cell):
    outcomes = run(cell("raising"), cell("corner"), fail_fast=True)
    assert [outcome.status for outcome in outcomes] == ["failed"]


def test_an_answer_at_other_times_fails_with_what_was_asked(run, cell):
    assert "1 times of position, as the recording asks" in run(cell("late"))[0].reason


def test_more_tracks_than_there_can_be_sources_are_refused(run, cell):
    assert "claims 5 sources at once" in run(cell("greedy"))[0].reason


def test_a_method_is_not_told_the_name_of_a_recording(run, cell):
    world.Nosy.names.clear()
    run(cell("nosy"))
    assert world.Nosy.names == [f"recording-{index:06d}" for index in range(4)]


def test_a_plugin_that_raises_outside_its_answer_fails_its_cell_and_no_other(run, cell):
    outcomes = run(cell("stillborn"), cell("corner"))
    assert [outcome.status for outcome in outcomes] == ["failed", "ok"]
    assert "StopIteration" in outcomes[0].reason


def test_a_data_set_without_scenes_fails_its_cell_and_no_other(run, cell, monkeypatch):
    monkeypatch.setattr(world.Noise, "__len__", lambda self: 0)
    assert run(cell("corner"))[0].status == "failed"


def test_two_recordings_of_one_id_are_refused(run, cell, monkeypatch):
    scene = world.Noise.scene
    monkeypatch.setattr(world.Noise, "scene", lambda self, index: scene(self, 0))
    assert "two recordings of one id" in run(cell("corner"))[0].reason


def test_the_provenance_is_that_of_the_answers(run, cell, bench, monkeypatch):
    monkeypatch.setattr("sslbench.running.stages.environment", lambda _: {"then": "yes"})
    first = run(cell("corner"))[0]
    monkeypatch.setattr("sslbench.running.stages.environment", lambda _: {"now": "yes"})
    run(cell("corner"))
    assert read_record(bench.store.run(first.run_id)).environment == {"then": "yes"}
    run(cell("corner"), fresh=True)
    assert read_record(bench.store.run(first.run_id)).environment == {"now": "yes"}


def test_a_recording_with_nan_is_named_with_its_channel(run, cell):
    outcome = run(cell("corner", noise={"broken": True}))[0]
    assert "noise-2: channel 1 has NaN" in outcome.reason
    assert outcome.exit_code == 4


def test_recordings_that_do_not_fit_are_skipped_with_the_reason(run, cell):
    outcome = run(cell("needs-many"))[0]
    assert (outcome.status, outcome.exit_code) == ("skipped", 0)
    assert outcome.reason == "needs-many needs 9 microphones, there are 4"


def test_failing_to_save_is_fatal(run, cell, bench, monkeypatch):
    def full(*_):
        raise StoreError("cannot be written: No space left on device")

    monkeypatch.setattr("sslbench.results.store.Store.put_run", full)
    with pytest.raises(StoreError):
        run(cell("corner"))


def test_an_interrupt_keeps_what_was_finished(run, cell, bench, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(world.Late, "locate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(cell("corner"), cell("late"))
    assert len(bench.store.runs()) == 1
    assert not list(bench.store.root.glob("tmp/*"))


def test_a_damaged_prediction_in_the_store_is_made_again(run, cell, bench):
    outcome = run(cell("corner"))[0]
    (path,) = bench.store.root.glob("predict/*/predictions.npz")
    path.write_bytes(b"damaged")
    again = run(cell("corner"))[0]
    assert (again.run_id, again.reused) == (outcome.run_id, False)


def test_two_processes_give_the_same_records_as_one(run, cell, bench):
    cells = [cell("corner", height=float(h)) for h in range(2)]
    values = _values(bench, run(*cells, jobs=2))
    for folder in ("runs", "predict"):
        for path in (bench.store.root / folder).iterdir():
            path.rename(bench.store.root / "tmp" / path.name)
    assert _values(bench, run(*cells)) == values


def test_a_process_that_dies_fails_its_cell_and_no_other(run, cell):
    cells = [cell("corner"), cell("dying"), cell("corner", height=2.0)]
    outcomes = {str(o.cell.method): o for o in run(*cells, jobs=2)}
    assert [outcomes[str(c.method)].status for c in cells] == ["ok", "failed", "ok"]
    assert "its process died" in outcomes["dying"].reason


def _values(bench, outcomes):
    records = [json.loads(bench.store.run(o.run_id).read_text()) for o in outcomes]
    return {record["run_id"]: record["metrics"] for record in records}


def test_a_stage_that_another_run_is_doing_is_waited_for_and_used(run, cell, bench):
    import threading

    key = bench.predict_key(cell("corner"))
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.extend(run(cell("corner"))))
    with bench.store.lock(key):
        thread.start()
        time.sleep(0.2)
        assert not outcomes
    thread.join(timeout=20)
    assert outcomes[0].status == "ok"


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
def test_the_exit_code_tells_a_common_cause_from_single_failures(cell, results, code):
    outcomes = [CellOutcome(cell("corner"), status, exit_code=c) for status, c in results]
    assert exit_code(outcomes) == code


def test_a_warning_of_a_method_is_told_once_a_cell(run, cell, capsys, monkeypatch):
    import warnings

    def locate(self, recording):
        warnings.warn(f"badly scaled: {recording.id}", stacklevel=1)
        return world.Prediction(world.Tracks.still(recording, [1, 1, 1]))

    monkeypatch.setattr(world.Corner, "locate", locate)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert run(cell("corner"))[0].status == "ok"
    assert capsys.readouterr().err.count("UserWarning: badly scaled") == 1
