"""Every record is made in one place: of cells, of external files, and of stored runs again."""

import json

import numpy as np
import pytest

from helpers import world
from sslbench.cell import Cell, Choice
from sslbench.errors import FormatError, UsageError
from sslbench.results.predictions import dump_predictions
from sslbench.results.record import read_record
from sslbench.running.records import recorded_cell
from sslbench.running.scoring import (
    Submission,
    open_run,
    score_by_condition,
    score_external,
    score_with,
    scored_again,
)
from sslbench.scene import Prediction, Tracks


@pytest.fixture
def path(run, cell, session):
    """Return the path of the record of a run."""

    def go(method, dataset="noise", **options):
        (outcome,) = run(cell(method, dataset, **options))
        return session.store.run(outcome.run_id)

    return go


@pytest.fixture
def external(session, tmp_path, cell):
    """Score a predictions file of another program."""

    def go(predictions, name="mine", protocol="sslbench"):
        file = tmp_path / "mine.npz"
        file.write_bytes(dump_predictions(predictions))
        planned = cell("corner")
        return score_external(
            session,
            Submission(file, Cell(Choice(name), planned.dataset, "test", "smoke", protocol)),
        )

    return go


def guesses(tracks=1, count=4, times=(0.05,)):
    xyz = np.ones((len(times), tracks, 3))
    return {f"noise-{n}": Prediction(Tracks.of(times, xyz, "position")) for n in range(count)}


def test_predictions_that_are_scored_again_give_the_same_record(session, path):
    stored = path("corner")
    run = open_run(session, stored)
    assert scored_again(session, run).to_json() == stored.read_text()


def test_another_protocol_makes_another_run(session, path):
    run = open_run(session, path("corner"), "lemoing2019")
    record = scored_again(session, run)
    assert record.protocol == "lemoing2019"
    assert record.run_id == "corner--noise--test-smoke-s0--lemoing2019"
    assert record.command.endswith("--protocol lemoing2019")


def test_a_record_gives_its_cell_again(session, path, cell):
    chosen = {
        "method": "learner+nearest[birth=1]",
        "dataset": "walk+mics[n=3]",
        "train_on": ("square+noise[snr_db=3.0]",),
        "then_on": ("walk",),
        "seed": (2,),
    }
    record = read_record(path(**chosen))
    assert recorded_cell(session.registry, record) == cell(**chosen)


def test_exchanged_predictions_are_refused(session, path):
    ours, theirs = path("corner"), path("corner[height=2]")
    ours.with_name("predictions.npz").write_bytes(theirs.with_name("predictions.npz").read_bytes())
    with pytest.raises(FormatError, match="not the predictions that the record was made from"):
        open_run(session, ours)


def test_changed_scenes_are_refused(session, path, monkeypatch):
    stored = path("corner")
    monkeypatch.setattr(world.Noise, "fingerprint", lambda self: "0" * 64)
    with pytest.raises(FormatError, match="the scenes of noise have changed"):
        open_run(session, stored)


def test_any_metric_is_computed(session, path):
    (found,) = score_with(session, open_run(session, path("corner")), ["gospa[cutoff=2m]"])
    assert (found.name, found.unit) == ("gospa[cutoff=2m]", "m")


def test_recordings_are_scored_by_condition(session, path):
    bins = score_by_condition(session, open_run(session, path("corner")), [], "snr_db")
    assert sum(scores[0].n for scores in bins.values()) == 4
    assert {scores[0].name for scores in bins.values()} == {"position-error-mean"}


def test_an_unknown_condition_is_refused(session, path):
    with pytest.raises(UsageError, match="'mood' does not split the recordings"):
        score_by_condition(session, open_run(session, path("corner")), [], "mood")


def test_external_predictions_get_a_record_that_says_so(session, external):
    record = external(guesses())
    assert record.external
    assert record.run_id == "mine--noise--test-smoke-s0"
    assert (record.seed, record.method.training, record.method.source_sha256) == (0, [], "")
    assert set(record.cost.model_dump().values()) == {None, "", False}
    assert read_record(session.store.run(record.run_id)) == record


def test_external_predictions_can_be_scored_again(session, external):
    stored = session.store.run(external(guesses()).run_id)
    again = scored_again(session, open_run(session, stored, "lemoing2019"))
    assert again.run_id == "mine--noise--test-smoke-s0--lemoing2019"
    assert again.command.startswith("sslbench score mine.npz")


@pytest.mark.parametrize(
    ("name", "message"),
    [("Mine!", "'Mine!' is not a valid name"), ("corner", "corner is an installed method")],
)
def test_external_predictions_need_a_name_of_their_own(external, name, message):
    with pytest.raises(UsageError, match=message):
        external(guesses(), name)


def test_only_positions_of_hidden_microphones_are_scored(session, path):
    record = read_record(path("finder", "noise+hide_positions[n=2]"))
    truth = session.ground_truth(recorded_cell(session.registry, record)).truth
    hidden = [each.microphones[np.isfinite(each.microphones[:, 0])] for each in truth.values()]
    errors = np.linalg.norm(np.concatenate(hidden) - 1.0, axis=1)
    found = record.metric("microphone-error-mean")
    assert found.n == len(errors) == 8
    assert found.value == pytest.approx(errors.mean(), rel=1e-6)


def test_without_hidden_positions_microphones_are_not_scored(path):
    assert read_record(path("finder")).metric("microphone-error-mean") is None


def test_a_method_without_estimates_of_microphones_is_not_scored_on_them(path, registry):
    found = json.loads(path("corner", "noise+mics[n=3]").read_text())
    assert "microphone-error-mean" not in [entry["name"] for entry in found["metrics"]]


def test_another_number_of_microphones_is_refused(run, cell, monkeypatch):
    def locate(self, recording):
        return Prediction(Tracks.still(recording, [1, 1, 1]), np.ones((3, 3)))

    monkeypatch.setattr("helpers.world_methods.Finder.locate", locate)
    (outcome,) = run(cell("finder", "noise+hide_positions"))
    assert "3 microphones are estimated, there are 4" in outcome.reason
