"""From a configuration to cells, with the training of learned methods."""

import shlex

import pytest

from sslbench.errors import UnknownNameError, UsageError
from sslbench.running.config import RunConfig
from sslbench.running.plan import make_plan
from sslbench.specs import MethodSpec


def plan(registry, **options):
    return make_plan(registry, RunConfig(**options))


def options_of(command):
    """Return the options of a printed command, as `RunConfig` takes them."""
    words = shlex.split(command)[2:]
    names = [name.removeprefix("--").replace("-", "_") for name in words[0::2]]
    found = {}
    for name, value in zip(names, words[1::2], strict=True):
        if name in {"scale", "protocol"}:
            found[name] = value
        else:
            found[name] = (*found.get(name, ()), value)
    return found


def test_every_combination_is_planned_data_set_by_data_set(registry):
    cells = plan(registry, method=("learner", "late"), dataset=("noise",), seed=(1, 2)).cells
    # A method that does not learn has no seeds: it would be the same run twice.
    assert [(c.method.name, c.seed) for c in cells] == [("learner", 1), ("learner", 2), ("late", 0)]


def test_with_nothing_selected_all_methods_meet_all_simulated_data(registry):
    found = plan(registry)
    outcomes = [*found.cells, *(outcome.cell for outcome in found.skipped)]
    assert {cell.method.name for cell in outcomes} == set(registry.table(MethodSpec))
    assert {cell.dataset.name for cell in outcomes} == {"noise", "square", "walk", "untrainable"}


def test_a_pair_that_is_not_compatible_is_skipped_with_the_reason(registry):
    (outcome,) = plan(registry, method=("late",), dataset=("walk",)).skipped
    assert outcome.status == "skipped"
    assert outcome.reason == "late finds 1 source at a time, there can be 2"


def test_alterations_and_trackers_are_combined(registry):
    cells = plan(registry, method=("detector+nearest",), dataset=("walk+mics[n={2,3}]",)).cells
    assert [str(cell) for cell in cells] == [
        f"detector+nearest on walk+mics[n={n}]:test (smoke, seed 0)" for n in (2, 3)
    ]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"executor": "moon"}, "limited, processes"),
        ({"executor": "limited[mots=3]"}, "perhaps most"),
        ({"protocol": "slbench"}, "perhaps sslbench"),
        ({"train_on": ("nose",)}, "perhaps noise"),
    ],
)
def test_an_unknown_name_is_reported_before_anything_is_run(registry, wrong, expected):
    with pytest.raises(UsageError, match=expected):
        plan(registry, **wrong)


def test_a_learned_method_is_trained_on_its_own_data_set_by_default(registry):
    (cell,) = plan(registry, method=("learner",), dataset=("noise+mics[n=3]",)).cells
    assert str(cell.training) == "learner trained on noise+mics[n=3] (smoke), seed 0"
    assert cell.trained_elsewhere is None


def test_each_training_data_set_makes_a_cell(registry):
    cells = plan(registry, method=("learner",), dataset=("noise",), train_on=("square", "walk"))
    assert [str(cell) for cell in cells.cells] == [
        "learner on noise:test (smoke, seed 0), trained on square (smoke)",
        "learner on noise:test (smoke, seed 0), trained on walk (smoke)",
    ]


def test_training_continues_on_every_further_data_set(registry):
    options = {"train_on": ("walk",), "then_on": ("square", "noise")}
    (cell,) = plan(registry, method=("learner",), dataset=("noise",), **options).cells
    assert [str(each.data) for each in cell.training.chain] == ["walk", "square", "noise"]
    assert cell.training.data_text == "walk (smoke), then square (smoke), then noise (smoke)"


def test_training_can_only_continue_where_it_began(registry):
    with pytest.raises(UsageError, match="--then-on without --train-on"):
        plan(registry, method=("learner",), dataset=("noise",), then_on=("square",))


def test_trackers_are_not_trained(registry):
    (cell,) = plan(registry, method=("learner+nearest",), dataset=("walk",)).cells
    assert str(cell.training.method) == "learner"


def test_a_method_that_only_has_a_trained_part_is_planned_with_a_training(registry):
    found = plan(registry, method=("borrower", "corner"), dataset=("noise",), seed=(3,))
    assert [cell.seed for cell in found.cells] == [3, 0]
    assert [cell.method.name for cell in found.learning.cells] == ["borrower"]


@pytest.mark.parametrize(
    "options",
    [
        {"method": ("corner[height=2]",), "dataset": ("noise[broken=true]:validation",)},
        {"method": ("learner+nearest[birth=1]",), "dataset": ("walk",), "train_on": ("walk",)},
        {
            "method": ("learner",),
            "dataset": ("noise+mics[n=3,pick=random]",),
            "train_on": ("square+noise[snr_db=5.0]",),
            "then_on": ("walk", "noise"),
            "seed": (7,),
            "scale": "quick",
            "protocol": "lemoing2019",
        },
    ],
)
def test_the_command_of_a_cell_plans_the_same_cell(registry, options):
    (cell,) = plan(registry, **options).cells
    (again,) = plan(registry, **options_of(cell.command)).cells
    assert again == cell


def test_the_command_of_a_cell_is_short(registry):
    (cell,) = plan(registry, method=("learner",), dataset=("noise",), train_on=("walk",)).cells
    assert cell.command == (
        "sslbench run --method 'learner' --dataset 'noise:test' --train-on 'walk'"
        " --scale smoke --seed 0"
    )


def test_an_unknown_method_is_reported_with_the_nearest_name(registry):
    with pytest.raises(UnknownNameError, match="perhaps corner"):
        plan(registry, method=("cornr",))
