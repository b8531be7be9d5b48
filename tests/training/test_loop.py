"""The training loop: determinism, interruption, choice of the epoch, reports and errors."""

import pytest
import torch

from helpers.toy_learner import Line, Slope, context, network, settings
from sslbench.errors import CellError, FormatError
from sslbench.training.checkpoint import NAME
from sslbench.training.loop import train
from sslbench.training.schedules import Cosine, Schedule

NAN = float("nan")


def trained(folder, learner=None, reports=None, length=64, **changes):
    examples, chosen = Line(length), settings(**changes)
    return train(learner or Slope(), network(), examples, chosen, context(folder, reports))


class Killed(Slope):
    """Ends as with Ctrl-C after the steps of the third epoch."""

    def validate(self, network, device):
        if self.steps == 3 * 4:
            raise KeyboardInterrupt
        return super().validate(network, device)


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_the_validation_error_falls(tmp_path):
    values = [row.value for row in trained(tmp_path, epochs=12, learning_rate=3e-2).history]
    assert values[-1] < 0.2 * values[0]


def test_the_same_seed_gives_the_same_weights(tmp_path):
    first, second = (trained(tmp_path / name) for name in "ab")
    assert same(first.weights, second.weights)


def test_another_seed_gives_other_weights(tmp_path):
    first = trained(tmp_path / "a")
    other = train(Slope(), network(), Line(), settings(), context(tmp_path / "b", seed=2))
    assert not same(first.weights, other.weights)


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path):
    whole = trained(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", Killed())
    resumed = trained(tmp_path / "killed")
    assert same(whole.weights, resumed.weights)
    assert [row.loss for row in whole.history] == [row.loss for row in resumed.history]


def test_a_resumed_training_does_not_repeat_finished_epochs(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, Killed())
    again = Slope()
    trained(tmp_path, again)
    assert again.steps == 2 * 4


def test_a_resumed_training_reports_all_epochs(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, Killed())
    reports = []
    trained(tmp_path, reports=reports)
    assert [report.epoch for report in reports] == [1, 2, 3, 4]


def test_a_finished_training_is_not_repeated(tmp_path):
    trained(tmp_path)
    idle = Slope()
    trained(tmp_path, idle)
    assert idle.steps == 0


def test_a_step_gives_the_share_of_training_that_is_done(tmp_path):
    seen = []

    class Watching(Slope):
        def loss(self, network, batch, step):
            seen.append(step.progress)
            return super().loss(network, batch, step)

    trained(tmp_path, Watching(), epochs=2)
    assert seen == [n / 8 for n in range(8)]


def test_the_epoch_with_the_best_value_is_kept(tmp_path):
    short = trained(tmp_path / "short", epochs=2)
    long = trained(tmp_path / "long", Slope([3.0, 1.0, 2.0, NAN]))
    assert same(short.weights, long.weights)


def test_a_higher_value_may_be_better(tmp_path):
    short = trained(tmp_path / "short", epochs=2)
    long = trained(tmp_path / "long", Slope([30.0, 80.0, NAN, 20.0], higher_is_better=True))
    assert same(short.weights, long.weights)


@pytest.mark.parametrize("higher_is_better", [False, True])
def test_the_curve_has_values_in_the_unit_of_the_metric(tmp_path, higher_is_better):
    reports, values = [], [30.0, 80.0, 50.0, 20.0]
    learner = Slope(values, higher_is_better=higher_is_better)
    history = trained(tmp_path, learner, reports).history
    assert [row.value for row in history] == values
    assert [report.values["validation"] for report in reports] == values


@pytest.mark.parametrize(
    ("values", "higher_is_better"),
    [([3.0, 1.0, 2.0, 2.0, 0.0], False), ([1.0, 3.0, 2.0, 2.0, 9.0], True)],
)
def test_training_ends_after_epochs_without_improvement(tmp_path, values, higher_is_better):
    learner = Slope(values, higher_is_better=higher_is_better)
    assert len(trained(tmp_path, learner, epochs=9, patience=2).history) == 4


def test_a_schedule_is_given_values_of_which_less_is_better(tmp_path):
    seen = []

    class Watching(Schedule):
        def __call__(self, moment):
            seen.append(list(moment.values))
            return 1.0

        def __repr__(self):
            return "Watching()"

    learner = Slope([10.0, NAN, 30.0], higher_is_better=True)
    trained(tmp_path, learner, epochs=3, schedule=Watching())
    assert seen[-1] == [-10.0, float("inf")]


def test_every_epoch_is_reported_with_loss_value_rate_speed_and_time_left(tmp_path):
    reports = []
    trained(tmp_path, reports=reports)
    assert [(report.epoch, report.epochs) for report in reports] == [(n, 4) for n in (1, 2, 3, 4)]
    names = {"loss", "validation", "learning_rate", "clips_per_s", "seconds_left"}
    assert set(reports[0].values) == names
    assert reports[-1].values["seconds_left"] == 0


def test_a_nan_loss_is_reported_with_step_scenes_and_checkpoint(tmp_path):
    with pytest.raises(CellError, match="the loss became NaN or infinite") as error:
        trained(tmp_path, Slope(nan_at=4 + 2))
    message = str(error.value)
    for part in ("epoch 2, step 2", "scenes ", "of epoch 1", str(tmp_path / NAME)):
        assert part in message
    assert len(torch.load(tmp_path / NAME, weights_only=True)["history"]) == 1


def test_a_nan_loss_in_the_first_epoch_leaves_no_checkpoint(tmp_path):
    with pytest.raises(CellError, match="no epoch was finished"):
        trained(tmp_path, Slope(nan_at=2))
    assert not (tmp_path / NAME).exists()


def test_fewer_examples_than_a_batch_are_refused(tmp_path):
    with pytest.raises(FormatError, match="5 examples to train on"):
        trained(tmp_path, length=5)


def test_a_truncated_checkpoint_is_reported(tmp_path):
    trained(tmp_path)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FormatError, match=r"a damaged checkpoint.*\n.*delete the file"):
        trained(tmp_path)


@pytest.mark.parametrize(
    "change", [{"batch": 8}, {"schedule": Cosine()}, {"weight_decay": 0.1}, {"length": 48}]
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, change):
    trained(tmp_path)
    with pytest.raises(FormatError, match="a checkpoint of another training"):
        trained(tmp_path, **change)


def test_the_number_of_reading_processes_does_not_change_the_training(tmp_path):
    alone = trained(tmp_path / "a", epochs=1)
    helped = trained(tmp_path / "b", epochs=1, workers=1)
    assert same(alone.weights, helped.weights)
    idle = Slope()
    trained(tmp_path / "a", idle, epochs=1, workers=1)
    assert idle.steps == 0


def test_the_learning_rate_follows_its_schedule(tmp_path):
    history = trained(tmp_path, schedule=Cosine(warm_up=0.0, floor=0.0)).history
    rates = [row.learning_rate for row in history]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.05 * 1e-2


@pytest.mark.parametrize(("clip", "low", "high"), [(1.0, 0, 1.0 + 1e-6), (None, 1e3, 1e9)])
def test_gradients_are_clipped_unless_clipping_is_off(tmp_path, clip, low, high):
    class Steep(Slope):
        def loss(self, network, batch, step):
            return 1e6 * super().loss(network, batch, step)

    weights = network()
    chosen = settings(epochs=1, batch=64, clip=clip)
    train(Steep(), weights, Line(), chosen, context(tmp_path))
    assert low <= max(float(p.grad.norm()) for p in weights.parameters()) <= high


class Measuring(Slope):
    """Has a further value in its learning curve."""

    def curve_values(self, network, device):
        return {"steps": float(self.steps), "loss": -1.0}


def test_a_learner_may_add_values_to_the_curve(tmp_path):
    reports = []
    history = trained(tmp_path, Measuring(), reports, epochs=2).history
    assert [row.extra["steps"] for row in history] == [4, 8]
    assert [report.values["steps"] for report in reports] == [4, 8]
    assert reports[0].values["loss"] == history[0].loss  # no value of the loop is replaced


def test_added_values_survive_an_interruption(tmp_path):
    trained(tmp_path, Measuring(), epochs=2)
    assert [row.extra["steps"] for row in trained(tmp_path, epochs=2).history] == [4, 8]


def test_a_curve_without_added_values_has_none(tmp_path):
    assert trained(tmp_path, epochs=1).history[0].extra == {}


class Flat(Slope):
    """Has no gradient, so that only weight decay changes weights."""

    def loss(self, network, batch, step):
        return 0 * network(batch["x"]).sum()


@pytest.mark.parametrize("decay_vectors", [True, False])
def test_weight_decay_may_spare_biases(tmp_path, decay_vectors):
    before = network().state_dict()
    after = trained(tmp_path, Flat(), weight_decay=0.5, decay_vectors=decay_vectors).weights
    assert float(after["0.weight"].norm()) < float(before["0.weight"].norm())
    assert same({"0": before["0.bias"]}, {"0": after["0.bias"]}) != decay_vectors
