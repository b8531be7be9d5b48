import pytest

from sslbench.errors import UnknownNameError
from sslbench.running.config import RunConfig
from sslbench.running.plan import make_plan
from sslbench.specs import MethodSpec


def test_every_combination_is_planned_data_set_by_data_set(registry):
    config = RunConfig(method=("learner", "late"), dataset=("noise",), seed=(1, 2))
    cells = make_plan(registry, config).cells
    # What learns nothing has nothing to seed: it would be the same run twice.
    assert [(c.method.name, c.seed) for c in cells] == [("learner", 1), ("learner", 2), ("late", 0)]


def test_with_nothing_selected_all_methods_meet_all_simulated_data(registry):
    plan = make_plan(registry, RunConfig())
    assert {c.method.name for c in plan.cells} == set(registry.table(MethodSpec))
    assert {c.dataset.name for c in plan.cells} == {"noise"}


def test_an_unknown_executor_is_told_before_anything_is_run(registry):
    with pytest.raises(UnknownNameError, match="one of processes"):
        make_plan(registry, RunConfig(executor="moon"))


def test_the_command_of_a_cell_plans_the_same_cell(registry):
    config = RunConfig(method=("corner[height=2]",), dataset=("noise[broken=true]:validation",))
    (cell,) = make_plan(registry, config).cells
    assert cell.command == (
        "sslbench run --method 'corner[height=2.0]' --dataset 'noise[broken=true]:validation'"
        " --scale smoke --seed 0"
    )


def test_an_unknown_protocol_is_told_before_anything_is_run(registry):
    with pytest.raises(UnknownNameError, match="perhaps sslbench"):
        make_plan(registry, RunConfig(protocol="slbench"))
