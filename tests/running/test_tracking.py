"""Trackers read the stored predictions of a method."""

from helpers import world
from sslbench.results.predictions import read_predictions
from sslbench.running.keys import detection_key, prediction_key


def predictions(session, record):
    return read_predictions(session.store.run(record.run_id).with_name("predictions.npz"))


def test_a_tracker_gives_identities(session, record, cell):
    plain = predictions(session, record(cell("detector", "walk")))["walk-0"].tracks
    tracked = predictions(session, record(cell("detector+nearest", "walk")))["walk-0"].tracks
    assert set(plain.xyz[:, 0, 1]) == {1.0, 3.0}
    assert sorted(set(tracked.xyz[:, column, 1].tolist()) for column in (0, 1)) == [{1.0}, {3.0}]


def test_confidence_goes_through_a_tracker(session, record, cell):
    tracked = predictions(session, record(cell("detector+nearest", "walk")))["walk-0"].tracks
    assert set(tracked.confidence.ravel()) == {0.5}


def test_the_method_does_not_run_again(run, cell, cells):
    run(cell("detector", "walk"), *cells("detector+nearest[birth={2,3}]", "walk"))
    assert world.Detector.calls == 3


def test_the_predictions_of_the_method_are_kept_where_only_the_tracker_was_selected(run, cell):
    run(cell("detector+nearest", "walk"))
    (outcome,) = run(cell("detector", "walk"))
    assert (world.Detector.calls, outcome.reused) == (3, True)


def test_tracks_are_found_again(run, cell):
    assert not run(cell("detector+nearest", "walk"))[0].reused
    assert run(cell("detector+nearest", "walk"))[0].reused


def test_trackers_follow_each_other(record, cell):
    found = record(cell("detector+nearest[birth=1]+nearest", "walk"))
    assert [entry.params["birth"] for entry in found.method.additions] == [1, 3]


def test_a_record_names_the_tracker_with_all_its_parameters(record, cell):
    found = record(cell("detector+nearest[birth=2]", "walk"))
    (entry,) = found.method.additions
    assert (entry.name, entry.version) == ("nearest", 1)
    assert entry.params == {"gate_m": 0.5, "gate_deg": 20.0, "birth": 2, "death": 5}
    assert found.method.label == "detector+nearest[birth=2]"
    assert found.run_id == "detector+nearest,birth=2--walk--test-smoke-s0"


def test_the_tracker_and_its_parameters_are_part_of_the_key(session, cells, cell):
    chosen = [cell("detector", "walk"), *cells("detector+nearest[birth={2,3}]", "walk")]
    assert len({prediction_key(session, each) for each in chosen}) == 3
    assert len({detection_key(session, each) for each in chosen}) == 1


def test_the_time_of_tracking_is_added_to_that_of_the_method(record, cell):
    plain = record(cell("detector", "walk")).cost
    assert record(cell("detector+nearest", "walk")).cost.infer_s > plain.infer_s


def test_a_tracker_with_too_many_tracks_fails_its_cell(run, cell):
    (outcome,) = run(cell("detector+doubling", "walk"))
    assert outcome.status == "failed"
    assert "walk-0 has 3 sources active at once" in outcome.reason


def test_a_failing_tracker_keeps_the_predictions_of_the_method(run, cell):
    run(cell("detector+doubling", "walk"))
    assert run(cell("detector", "walk"))[0].reused
