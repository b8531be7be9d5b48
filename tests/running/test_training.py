"""Trainings and parts: each is done once, found again, and described in the record."""

from dataclasses import replace

import numpy as np
import pytest

from helpers import world
from sslbench.results.predictions import read_predictions
from sslbench.running.config import RunConfig
from sslbench.running.executors import run_cells
from sslbench.running.keys import detection_key, parts_key, prediction_key, training_key
from sslbench.specs import MethodSpec


@pytest.fixture
def position(session, run):
    """Return the position that a cell estimates in its first recording."""

    def first(cell):
        (outcome,) = run(cell)
        path = session.store.run(outcome.run_id).with_name("predictions.npz")
        return read_predictions(path)["noise-0"].tracks.xyz[0, 0]

    return first


def succeeded(outcomes):
    return {outcome.status for outcome in outcomes} == {"ok"}


def test_a_learned_method_is_trained_once(run, cell):
    run(cell("learner"))
    run(cell("learner", "noise+mics[n=4]", train_on=("noise",)))
    assert world.Learner.fits == ["Noise"]


def test_a_record_says_on_what_a_method_was_trained(session, record, cell):
    trained = cell("learner", seed=(3,))
    method = record(trained).method
    (entry,) = method.training
    assert method.trained_on == "noise (smoke)"
    assert (entry.data, entry.name, entry.seed, entry.scale) == ("noise", "noise", 3, "smoke")
    assert training_key(session, trained.training).startswith(entry.key)
    assert len(entry.key) == 16


def test_a_record_has_parameters_curve_and_seconds_of_the_training(record, cell):
    found = record(cell("learner"))
    assert found.method.parameters == 3
    assert found.method.curve == [{"epoch": 1, "loss": 0.5}]
    assert found.cost.train_s > 0


def test_each_seed_is_trained_separately(run, cells):
    outcomes = run(*cells("learner", seed=(0, 1)))
    assert len(world.Learner.fits) == 2
    assert [outcome.run_id[-2:] for outcome in outcomes] == ["s0", "s1"]


def test_a_method_can_be_trained_on_another_data_set(record, cell):
    found = record(cell("learner", train_on=("square",)))
    assert world.Learner.fits == ["Square"]
    assert found.method.trained_on == "square (smoke)"
    assert found.run_id == "learner--noise--test-smoke-s0--on-square"
    assert "--train-on 'square'" in found.command


def test_a_training_continues_from_the_one_before(record, cell):
    first = record(cell("learner", train_on=("square",)))
    found = record(cell("learner", train_on=("square",), then_on=("walk",)))
    assert world.Learner.fits == ["Square", "Walk"]
    assert [entry.data for entry in found.method.training] == ["square", "walk"]
    assert found.method.training[0] == first.method.training[0]
    assert found.run_id.endswith("--on-square-then-walk")
    assert found.cost.train_s > first.cost.train_s


def test_a_training_starts_from_the_checkpoint_of_the_one_before(position, cell):
    each = [position(cell("learner", train_on=(data,))) for data in ("square", "walk")]
    continued = position(cell("learner", train_on=("square",), then_on=("walk",)))
    np.testing.assert_allclose(continued, np.mean(each, axis=0), rtol=1e-6)


def test_what_led_to_a_training_is_part_of_its_key(session, cell):
    alone = cell("learner", train_on=("walk",)).training
    after = cell("learner", train_on=("square",), then_on=("walk",)).training
    assert training_key(session, alone) != training_key(session, after)


@pytest.mark.parametrize("addition", ["mics[n=3]", "noise[snr_db=3.0]"])
def test_alterations_of_the_training_data_are_part_of_the_key(session, cell, addition):
    plain = cell("learner", train_on=("noise",)).training
    altered = cell("learner", train_on=(f"noise+{addition}",)).training
    assert training_key(session, plain) != training_key(session, altered)


def test_the_version_of_a_method_is_part_of_its_keys(session, cell, registry, monkeypatch):
    trained = cell("learner")
    before = training_key(session, trained.training), detection_key(session, trained)
    offer = registry.find(MethodSpec, "learner")
    changed = replace(offer, spec=replace(offer.spec, version=2))
    monkeypatch.setitem(registry.table(MethodSpec), "learner", changed)
    after = training_key(session, trained.training), detection_key(session, trained)
    assert not set(before) & set(after)


def test_a_data_set_without_training_splits_skips_learned_methods(run, cell):
    (outcome,) = run(cell("learner", "untrainable"))
    assert outcome.status == "skipped"
    assert "untrainable has no splits to train learner on" in outcome.reason
    assert run(cell("learner", "untrainable", train_on=("noise",)))[0].status == "ok"


def test_a_part_is_trained_once_for_all_methods_that_share_it(run, cell, cells):
    assert succeeded(run(*cells("stacked[scaled={true,false}]"), cell("borrower")))
    assert world.Height.fits == 1
    assert world.Spread.fits == ["Noise"]


def test_a_part_with_other_parameters_is_another_part(run, cells):
    assert succeeded(run(*cells("borrower[height={1,2}]")))
    assert world.Height.fits == 2


def test_a_part_is_needed_with_some_parameters_only(run, cell):
    assert succeeded(run(cell("stacked")))
    assert world.Spread.fits == []


def test_the_values_of_a_part_are_used(position, cell):
    assert position(cell("borrower[height=2.5]"))[2] == 2.5


def test_a_part_that_makes_its_own_data_is_shared_between_data_sets(run, cell):
    assert succeeded(run(cell("borrower"), cell("borrower", "square")))
    assert world.Height.fits == 1


def test_a_part_that_makes_its_own_data_needs_no_training_splits(run, cell):
    assert run(cell("borrower", "untrainable"))[0].status == "ok"


def test_a_part_that_learns_from_the_training_data_belongs_to_them(run, cells):
    assert succeeded(run(*cells("stacked[scaled=true]", train_on=("noise", "square"))))
    assert world.Spread.fits == ["Noise", "Square"]


def test_a_part_is_trained_on_the_data_of_the_last_training(record, cell):
    found = record(cell("stacked[scaled=true]", train_on=("square",), then_on=("noise",)))
    assert world.Spread.fits == ["Square", "Noise"]
    assert [part.data for part in found.method.parts] == ["its own", "noise (smoke)"]


def test_a_part_is_not_given_what_belongs_to_the_method(run, cell):
    continued = cell("stacked[scaled=true]", train_on=("square",), then_on=("noise",))
    assert succeeded(run(continued, device="cpu"))
    for context in world.Spread.contexts:
        assert (context.start, context.parts_key, context.selection) == (None, "", {})
        assert (context.seed, context.scale, context.device) == (0, "smoke", "cpu")


def test_a_method_is_given_its_start_parts_and_selection_metrics(session, run, cell):
    continued = cell("stacked[scaled=true]", train_on=("square",), then_on=("noise",))
    assert succeeded(run(continued))
    first, second = world.Stacked.contexts
    assert (first.start, (second.start / "mean.npy").is_file()) == (None, True)
    assert second.parts_key == parts_key(session, continued.training)
    # A metric that cannot compare positions is left out.
    assert list(second.selection) == ["position-error-mean"]


def test_a_part_is_part_of_the_keys_of_the_method(session, cells, monkeypatch):
    keys = {detection_key(session, cell) for cell in cells("borrower[height={1,2}]")}
    assert len(keys) == 2
    (before,) = cells("stacked")
    trained = training_key(session, before.training)
    monkeypatch.setattr("sslbench.running.keys.part_params", lambda method, part: {"other": 1})
    assert training_key(session, before.training) != trained


def test_a_record_has_the_parts_with_their_reports(record, cell):
    method = record(cell("stacked[scaled=true]")).method
    height, spread = method.parts
    assert (height.name, height.data, height.report) == (
        "height",
        "its own",
        {"height-error": 0.25},
    )
    assert (spread.name, spread.data, spread.report) == ("spread", "noise (smoke)", {})
    assert len({height.key, spread.key}) == 2
    assert method.parameters == 3 + 1 + 3


def test_seconds_of_parts_count_as_training(record, cell):
    assert record(cell("borrower")).cost.train_s > 0


def test_until_training_nothing_is_predicted(session, run, runner, cell, registry):
    until = replace(runner, until="train")
    (outcome,) = run_cells(registry, RunConfig(), until, [cell("stacked")])
    assert (outcome.status, outcome.run_id) == ("ok", "")
    assert len(list(session.store.root.glob("train/*/checkpoint"))) == 2
    assert not list(session.store.root.glob("predict/*"))


def test_the_predictions_of_two_trainings_are_kept_apart(session, cell):
    keys = {
        prediction_key(session, cell("learner", train_on=(data,))) for data in ("noise", "square")
    }
    assert len(keys) == 2


def test_nothing_is_trained_for_recordings_that_do_not_fit(run, cell, registry, monkeypatch):
    offer = registry.find(MethodSpec, "learner")
    changed = replace(offer, spec=replace(offer.spec, min_channels=9))
    monkeypatch.setitem(registry.table(MethodSpec), "learner", changed)
    (outcome,) = run(cell("learner"))
    assert (outcome.status, world.Learner.fits) == ("skipped", [])
