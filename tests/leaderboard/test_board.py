"""A board holds comparable records only, and equal ranks mean no significant difference."""

import itertools

import numpy as np
import pytest

from helpers.records import training
from sslbench.leaderboard.board import COLUMNS, make_boards


def with_value(record, value, ci95, spread, **changes):
    """Give a record another primary value, with standard deviation `spread` over resamples."""
    entries = [
        entry.model_copy(update={"value": value, "ci95": ci95} | changes)
        if entry.name == record.dataset.primary_metric
        else entry
        for entry in record.metrics
    ]
    rng = np.random.default_rng(list(record.run_id.encode()))
    drawn = [] if value is None else (value + spread * rng.normal(size=1000)).tolist()
    resampled = record.resampled.model_copy(update={"values": drawn, "units": 100})
    return record.model_copy(update={"metrics": entries, "resampled": resampled})


def ranks(records):
    (board,) = make_boards(records)
    return [(row.label, row.rank) for row in board.rows]


@pytest.fixture
def valued(load_run):
    def make(name, value, ci95=None, seed=0, spread=0.1, **changes):
        return with_value(load_run(name, seed=seed), value, ci95, spread, **changes)

    return make


def test_methods_are_ranked_by_the_primary_metric(valued):
    assert ranks([valued("b", 2.0), valued("a", 1.0), valued("c", 3.0)]) == [
        ("a", 1),
        ("b", 2),
        ("c", 3),
    ]


def test_a_metric_may_be_better_when_higher(valued):
    records = [valued("a", 1.0, higher_is_better=True), valued("b", 2.0, higher_is_better=True)]
    assert ranks(records) == [("b", 1), ("a", 2)]


def test_methods_without_a_significant_difference_share_a_rank(valued):
    records = [valued("a", 1.0), valued("b", 1.2), valued("c", 1.7), valued("d", 1.75)]
    assert ranks(records) == [("a", 1), ("b", 1), ("c", 3), ("d", 3)]


def test_no_rank_is_better_than_that_of_a_better_value(valued):
    # The third varies so much that no other method is significantly better.
    records = [valued("a", 1.0), valued("b", 2.0), valued("c", 2.1, spread=9.0)]
    assert ranks(records) == [("a", 1), ("b", 2), ("c", 2)]


def test_an_undefined_value_is_last_and_not_ranked(valued):
    assert ranks([valued("a", None), valued("b", 5.0)]) == [("b", 1), ("a", None)]


def test_oracles_are_references_without_a_rank(load_run):
    records = [load_run("mine"), load_run("oracle", error=0.0, method__reference=True)]
    (board,) = make_boards(records)
    assert [row.label for row in board.rows] == ["mine"]
    assert [(row.label, row.rank) for row in board.references] == [("oracle", None)]


def test_seeds_are_averaged(valued):
    records = [valued("a", 1.0, (0.8, 1.2)), valued("a", 2.0, (1.6, 2.4), seed=1)]
    (board,) = make_boards(records)
    (row,) = board.rows
    found = row.values["position-error-capped"]
    assert found.value == 1.5
    assert found.ci95 == pytest.approx((1.2, 1.8))
    assert row.seeds == (0, 1)


def test_the_order_of_the_records_does_not_matter(load_run):
    records = [load_run("a"), load_run("b", error=0.3), load_run("a", seed=1)]
    found = [make_boards(order) for order in itertools.permutations(records)]
    assert all(board == found[0] for board in found)


@pytest.mark.parametrize(
    "change",
    [
        {"dataset__version": "2"},
        {"dataset__split": "validation"},
        {"dataset__scenes_sha256": "00" * 32},
        {"dataset__params": {"t60": 0.4}},
        {"scale": "quick"},
        {"protocol": "other"},
    ],
)
def test_records_that_are_not_comparable_are_on_separate_boards(load_run, change):
    assert len(make_boards([load_run("a"), load_run("b", **change)])) == 2


def test_versions_of_the_primary_metric_are_not_mixed(valued):
    assert len(make_boards([valued("a", 1.0), valued("b", 2.0, version=2)])) == 2


def test_old_versions_of_secondary_metrics_are_not_shown(load_run):
    new, old = load_run("new"), load_run("old")
    entries = [
        entry.model_copy(update={"version": 2}) if entry.name == "coverage" else entry
        for entry in new.metrics
    ]
    (board,) = make_boards([new.model_copy(update={"metrics": entries}), old])
    shown = {row.label: "coverage" in row.values for row in board.rows}
    assert shown == {"new": True, "old": False}


def test_other_code_or_training_data_is_another_row(load_run):
    records = [load_run("a"), load_run("a", seed=1, method__source_sha256="00" * 32)]
    records += [load_run("a", seed=2, method__training=[training("square:train")])]
    (board,) = make_boards(records)
    assert len(board.rows) == 3


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("position", "capped mean percentile[p=50] position-accuracy[within=30cm] coverage"),
        ("direction", "capped mean angular-accuracy[within=10deg] coverage false-alarms"),
    ],
)
def test_the_first_column_counts_missed_sources(kind, names):
    assert [
        name.removeprefix("position-error-").removeprefix("angular-error-")
        for name in COLUMNS[kind]
    ] == names.split()


def test_the_primary_metric_is_first_and_not_repeated(valued):
    (board,) = make_boards([valued("a", 1.0)])
    assert board.metrics == COLUMNS["position"]


def test_the_label_of_a_data_set_does_not_separate_boards(load_run):
    records = [load_run("a"), load_run("b"), load_run("c", dataset__label="easy")]
    (board,) = make_boards(records)
    assert board.label == "square"
    assert len(board.rows) == 3


def test_data_sets_with_the_same_label_are_not_mixed(load_run):
    other = load_run("b", dataset__name="circle")
    assert other.dataset.label == "square"
    assert len(make_boards([load_run("a"), other])) == 2


def test_other_parameters_are_another_row_even_with_the_same_label(load_run):
    (board,) = make_boards([load_run("a"), load_run("a", seed=1, method__params={"grid": 5})])
    assert len(board.rows) == 2
