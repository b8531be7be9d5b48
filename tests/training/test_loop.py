"""The loop learns, repeats itself, survives being killed, and stops when it should."""

import json

import pytest
import torch
from torch import nn

from helpers.toy_learner import Line, Slope, context, network, settings
from sslbench.errors import CellError, FormatError, UsageError
from sslbench.training.checkpoint import NAME
from sslbench.training.devices import find_device
from sslbench.training.loop import train
from sslbench.training.schedules import Constant, Cosine, Moment, Plateau
from sslbench.training.weights import read_model, read_weights, write_model


def trained(folder, learner=None, reports=None, length=64, **changes):
    folder.mkdir(exist_ok=True)
    return train(
        learner or Slope(), network(), Line(length), settings(**changes), context(folder, reports)
    )


class Killed(Slope):
    """Ends as Ctrl-C does, after the steps of the third epoch."""

    def validate(self, network, device):
        if self.steps == 3 * 4:
            raise KeyboardInterrupt
        return super().validate(network, device)


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


def test_it_learns(tmp_path):
    values = [row.value for row in trained(tmp_path / "a", epochs=30).history]
    assert values[-1] < 0.2 * values[0]


def test_the_same_seed_gives_the_same_weights(tmp_path):
    runs = [trained(tmp_path / name) for name in "ab"]
    assert same(runs[0].weights, runs[1].weights)


def test_killed_and_resumed_it_ends_with_the_same_weights(tmp_path):
    whole = trained(tmp_path / "whole")

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", Killed())
    again = Slope()
    resumed = trained(tmp_path / "killed", again)
    assert again.steps == 2 * 4  # the two epochs before were not repeated
    assert same(whole.weights, resumed.weights)
    assert [row.loss for row in whole.history] == [row.loss for row in resumed.history]


def test_a_batch_knows_how_much_of_training_is_done(tmp_path):
    seen = []

    class Watching(Slope):
        def loss(self, network, batch, rng):
            seen.append(float(batch["progress"]))
            return super().loss(network, batch, rng)

    trained(tmp_path, Watching(), epochs=2)
    assert seen == pytest.approx([n / 8 for n in range(8)])


def test_a_finished_training_is_not_repeated(tmp_path):
    trained(tmp_path / "a")
    idle = Slope()
    trained(tmp_path / "a", idle)
    assert idle.steps == 0


def test_the_epoch_with_the_best_validation_value_is_kept(tmp_path):
    short = trained(tmp_path / "short", epochs=2)
    long = trained(tmp_path / "long", Slope(values=[3.0, 1.0, 2.0, float("nan")]))
    assert same(short.weights, long.weights)


def test_training_ends_when_patience_does(tmp_path):
    result = trained(tmp_path, Slope(values=[3.0, 1.0, 2.0, 2.0, 0.0]), epochs=9, patience=2)
    assert len(result.history) == 4


def test_every_epoch_is_reported_with_losses_throughput_and_time_left(tmp_path):
    reports = []
    trained(tmp_path, reports=reports)
    assert [(report.epoch, report.epochs) for report in reports] == [(n, 4) for n in (1, 2, 3, 4)]
    names = {"loss", "validation", "learning_rate", "clips_per_s", "seconds_left"}
    assert set(reports[0].values) == names
    assert reports[-1].values["seconds_left"] == 0


def test_a_loss_that_is_no_number_stops_with_step_scenes_and_checkpoint(tmp_path):
    with pytest.raises(CellError) as error:
        trained(tmp_path, Slope(broken_at=4 + 2))
    said = str(error.value)
    for part in ("epoch 2, step 2", "scenes ", "of epoch 1", NAME):
        assert part in said
    assert len(torch.load(tmp_path / NAME, weights_only=True)["history"]) == 1


def test_a_training_set_smaller_than_a_batch_is_refused(tmp_path):
    with pytest.raises(FormatError, match="5 scenes to train on"):
        trained(tmp_path, length=5)


def test_a_truncated_checkpoint_is_named(tmp_path):
    trained(tmp_path)
    path = tmp_path / NAME
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FormatError, match=r"a damaged checkpoint.*\n.*delete the file"):
        trained(tmp_path)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    trained(tmp_path)
    for change in ({"batch": 8}, {"schedule": Cosine()}, {"weight_decay": 0.1}):
        with pytest.raises(FormatError, match="a checkpoint of another training"):
            trained(tmp_path, **change)


def test_how_many_processes_read_does_not_make_another_training(tmp_path):
    trained(tmp_path)
    idle = Slope()
    trained(tmp_path, idle, workers=1)
    assert idle.steps == 0


def test_a_resumed_training_reports_the_epochs_before_too(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, Killed())
    reports = []
    trained(tmp_path, reports=reports)
    assert [report.epoch for report in reports] == [1, 2, 3, 4]


def test_the_learning_rate_follows_its_schedule(tmp_path):
    history = trained(tmp_path, schedule=Cosine(warm_up=0.0, floor=0.0)).history
    rates = [row.learning_rate for row in history]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.05 * 1e-2


def test_schedules_are_pure():
    assert Constant()(Moment(5, 10)) == 1.0
    fall = Plateau(factor=0.1, patience=1, floor=0.001)
    assert [fall(Moment(0, 1, [1.0] * n)) for n in (0, 1, 2, 3)] == pytest.approx([1, 1, 0.1, 0.01])


def test_gradients_are_clipped_unless_asked_not_to(tmp_path):
    class Steep(Slope):
        def loss(self, network, batch, rng):
            return 1e6 * super().loss(network, batch, rng)

    def largest(name, **changes):
        learner, weights = Steep(), network()
        (tmp_path / name).mkdir()
        changes |= {"epochs": 1, "batch": 64}
        train(learner, weights, Line(), settings(**changes), context(tmp_path / name))
        return max(float(p.grad.norm()) for p in weights.parameters())

    assert largest("clipped", clip=1.0) <= 1.0 + 1e-6
    assert largest("free", clip=None) > 1e3


@pytest.mark.parametrize(("name", "said"), [("tpu", "no device 'tpu'"), ("cuda", "no GPU")])
def test_a_device_that_is_not_there_is_named(name, said, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=said):
        find_device(name)
    assert find_device("auto").type == "cpu"


@pytest.fixture
def written(tmp_path):
    about = {"method": "line", "version": 1, "params": {"I": 6}}
    write_model(tmp_path, network().state_dict(), about, trained(tmp_path / "w").history)
    return tmp_path


def test_a_model_is_read_back_with_its_curve(written):
    assert same(read_weights(written, network().state_dict()), network().state_dict())
    assert len(json.loads((written / "history.json").read_text())) == 4


@pytest.mark.parametrize("change", [{"method": "x"}, {"version": 2}, {"params": {"I": 7}}])
def test_a_model_of_another_method_version_or_grid_is_refused(written, change):
    expected = {"method": "line", "version": 1, "params": {"I": 6}}
    assert read_model(written, expected)["version"] == 1
    with pytest.raises(FormatError, match="this checkpoint is of another model"):
        read_model(written, expected | change)


def test_truncated_weights_are_named(written):
    path = written / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FormatError, match="damaged weights"):
        read_weights(written, network().state_dict())


def test_weights_of_another_network_are_named(written):
    other = nn.Linear(3, 3).state_dict()
    with pytest.raises(FormatError, match="weights do not fit"):
        read_weights(written, other)
