"""Declared metrics are listed in the order of their definition, with their target."""

import sys
from types import ModuleType

import pytest

from sslbench.metrics import sslbench_metrics
from sslbench.metrics.declaration import metric, specs_of


def declare(name, **options):
    return metric(name=name, summary="", unit="m", higher_is_better=False, **options)


@pytest.fixture
def this_module(monkeypatch):
    monkeypatch.setattr("sslbench.metrics.declaration._SPECS", {})
    return sys.modules[__name__]


def test_the_target_is_the_decorated_function(this_module):
    @declare("here", version=3)
    def factory(): ...

    (spec,) = specs_of(this_module)
    assert spec.target.partition(":")[0] == __name__
    assert spec.target.endswith("factory")
    assert spec.version == 3


def test_specs_are_in_the_order_of_definition(this_module):
    @declare("b")
    def first(): ...

    @declare("a")
    def second(): ...

    assert [spec.name for spec in specs_of(this_module)] == ["b", "a"]


def test_the_decorator_returns_the_function_unchanged(this_module):
    def factory(): ...

    assert declare("same")(factory) is factory


def test_a_module_that_is_reloaded_declares_each_metric_once(this_module):
    for _ in range(2):

        @declare("twice")
        def factory(): ...

    assert len(specs_of(this_module)) == 1


def test_a_module_without_metrics_has_no_specs():
    assert specs_of(ModuleType("empty")) == []


def test_names_of_metrics_are_unique():
    names = [spec.name for spec in sslbench_metrics()]
    assert len(set(names)) == len(names)
