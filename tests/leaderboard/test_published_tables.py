"""Tables of papers: cells from committed records, published values beside them."""

import pytest
import yaml

from helpers.records import training
from sslbench.errors import FormatError, LeaderboardError
from sslbench.leaderboard.published_tables import read_tables, table_page
from sslbench.leaderboard.records import add, load
from sslbench.leaderboard.render import build, check

METRIC = "position-error-capped"
HEADER = "error [m]"


def description(**changes):
    return {
        "title": "Errors in a square",
        "source": "Doe 2020, table 1",
        "cells": {"dataset": "square", "scale": "smoke"},
        "columns": [{"header": HEADER, "metric": METRIC}],
        "rows": [{"label": "Near", "method": "near", "published": {HEADER: 0.2}}],
    } | changes


def write(boards, **changes):
    (boards / "tables").mkdir(parents=True, exist_ok=True)
    (boards / "tables" / "doe2020-1.yaml").write_text(yaml.safe_dump(description(**changes)))


def page(boards):
    (table,) = read_tables(boards).values()
    return table_page("doe2020-1", table, load(boards))


def cells(text, label):
    """Return the cells of the row with a label, by header."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    split = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    (row,) = (each for each in split if each[0] == label)
    return dict(zip(split[0], row, strict=True))


@pytest.mark.parametrize(("published", "place"), [(1e-6, "below"), (2.9, "above")])
def test_a_published_value_stands_beside_ours_with_its_place(make_run, boards, published, place):
    add(make_run("near", error=0.01), boards)
    write(boards, rows=[{"label": "Near", "method": "near", "published": {HEADER: published}}])
    found = cells(page(boards), "Near")
    assert " to " in found[HEADER]
    assert found[f"{HEADER} (paper)"] == f"{published:g} ({place})"


def test_a_published_interval_is_shown(make_run, boards):
    add(make_run("near", error=0.01), boards)
    write(boards, rows=[{"label": "Near", "method": "near", "published": {HEADER: [0.2, 0.03]}}])
    assert cells(page(boards), "Near")[f"{HEADER} (paper)"] == "0.2 ± 0.03 (above)"


def test_a_published_value_within_our_interval_is_inside(make_run, boards):
    add(make_run("near", error=0.01), boards)
    (record,) = load(boards)
    value = record.metric(METRIC).value
    write(boards, rows=[{"label": "Near", "method": "near", "published": {HEADER: value}}])
    assert "(inside)" in cells(page(boards), "Near")[f"{HEADER} (paper)"]


def test_a_value_is_the_mean_over_seeds_and_the_seeds_are_shown(make_run, boards):
    trained = {"method__training": [training("square")]}
    for seed in (0, 1):
        add(make_run("near", error=0.5, seed=seed, **trained), boards)
    write(boards)
    found = cells(page(boards), "Near")
    mean = sum(record.metric(METRIC).value for record in load(boards)) / 2
    assert found[HEADER].startswith(f"{mean:.3f}")
    assert found["seeds"] == "0, 1"


def test_cells_of_different_seeds_are_told(make_run, boards):
    trained = {"method__training": [training("square")]}
    for name, seed in (("near", 0), ("far", 0), ("far", 1)):
        add(make_run(name, error=0.5, seed=seed, **trained), boards)
    columns = [{"header": name, "metric": METRIC} for name in ("I = 1", "I = 2")]
    row = {"label": "Both", "method": "near", "cells": {"I = 2": {"method": "far"}}}
    write(boards, columns=columns, rows=[row])
    assert cells(page(boards), "Both")["seeds"] == "0; 0, 1"


def test_records_of_older_code_are_left_out(make_run, boards):
    add(make_run("near", error=0.5, method__source_sha256="ab" * 32), boards)
    newer = {"method__source_sha256": "ef" * 32, "created": "2026-01-01T00:00:00+00:00"}
    add(make_run("near", error=0.01, seed=1, **newer), boards)
    write(boards)
    (new,) = (record for record in load(boards) if record.seed == 1)
    assert cells(page(boards), "Near")[HEADER].startswith(f"{new.metric(METRIC).value:.3f}")


def test_a_record_of_other_training_data_is_used_only_if_they_are_named(make_run, boards):
    add(make_run("near", error=0.1, method__training=[training("circle")]), boards)
    write(boards)
    with pytest.raises(LeaderboardError, match="no record for row 'Near'"):
        page(boards)
    row = {"label": "Near", "method": "near", "trained_on": "circle (smoke)"}
    write(boards, rows=[row])
    assert cells(page(boards), "Near")[HEADER]


def test_the_order_of_parameters_and_the_form_of_numbers_do_not_matter(make_run, boards):
    label = "near+kalman[noise_deg=5.0,rule=keep,gate=2.5]"
    add(make_run("near", error=0.1, method__label=label), boards)
    typed = "near+kalman[gate=2.5,noise_deg=5,rule=keep]"
    write(boards, rows=[{"label": "Near", "method": typed}])
    assert cells(page(boards), "Near")[HEADER]
    write(boards, rows=[{"label": "Near", "method": typed.replace("2.5", "3")}])
    with pytest.raises(LeaderboardError, match="no record"):
        page(boards)


def test_a_single_cell_can_be_of_another_method(make_run, boards):
    add(make_run("near", error=0.01), boards)
    add(make_run("far", error=2.0), boards)
    columns = [{"header": name, "metric": METRIC} for name in ("I = 1", "I = 2")]
    row = {"label": "Both", "method": "near", "cells": {"I = 2": {"method": "far"}}}
    write(boards, columns=columns, rows=[row])
    found = cells(page(boards), "Both")
    assert float(found["I = 1"].split()[0]) < 0.1 < float(found["I = 2"].split()[0])


def test_a_row_without_a_record_needs_a_reason(make_run, boards):
    add(make_run("near", error=0.1), boards)
    row = {"label": "Theirs", "published": {HEADER: 0.3}}
    write(boards, rows=[row])
    with pytest.raises(LeaderboardError, match="no record for row 'Theirs', column"):
        page(boards)
    write(boards, rows=[row | {"reason": "not public"}])
    found = cells(page(boards), "Theirs")
    # A column without any value of ours is left out.
    assert found == {"": "Theirs", f"{HEADER} (paper)": "0.3", "remark": "not public"}


def test_a_cell_can_be_of_one_condition(make_run, boards):
    add(make_run("near", error=0.1), boards)
    (record,) = load(boards)
    name, bins = next(iter(record.by_condition.items()))
    label, (entry, *_) = next(iter(bins.items()))
    column = {"header": HEADER, "metric": METRIC, "condition": f"{name}={label}"}
    write(boards, columns=[column])
    assert cells(page(boards), "Near")[HEADER].startswith(f"{entry.value:.3f}")


def test_a_cell_can_be_from_the_report_of_a_part(make_run, boards):
    part = {"name": "helper", "key": "", "data": "its own", "report": {"f1": 0.987}}
    add(make_run("near", error=0.1, method__parts=[part]), boards)
    columns = [{"header": HEADER, "metric": "f1", "part": "helper"}]
    write(boards, columns=columns)
    assert cells(page(boards), "Near")[HEADER] == "0.987"


@pytest.mark.parametrize(
    ("cost", "text"), [("training", "1.5"), ("inference", "0.5"), ("parameters", "1,234")]
)
def test_a_cell_can_be_a_cost(make_run, boards, cost, text):
    add(make_run("near", cost__train_s=5400.0, method__parameters=1234), boards)
    write(boards, columns=[{"header": HEADER, "cost": cost}])
    assert cells(page(boards), "Near")[HEADER] == text


def test_tables_are_built_linked_and_checked(make_run, boards):
    add(make_run("near", error=0.1), boards)
    write(boards)
    build(boards)
    check(boards)
    built = boards / "tables" / "doe2020-1.md"
    assert "(tables/doe2020-1.md)" in (boards / "README.md").read_text()
    assert "sslbench run --method 'near'" in built.read_text()
    built.write_text(built.read_text().replace("0.2", "0.1"))
    with pytest.raises(LeaderboardError, match=r"tables/doe2020-1\.md"):
        check(boards)


def test_a_page_without_a_description_is_deleted(make_run, boards):
    add(make_run("near", error=0.1), boards)
    write(boards)
    build(boards)
    (boards / "tables" / "doe2020-1.yaml").unlink()
    build(boards)
    assert not list((boards / "tables").glob("*.md"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": []}, "rows"),
        ({"titel": "x"}, "did you mean 'title'"),
        ({"rows": [{"label": "x", "published": {"other": 1}}]}, "row 'x' names 'other'"),
        ({"columns": [{"header": HEADER, "metrik": METRIC}]}, "did you mean 'metric'"),
    ],
)
def test_a_damaged_description_is_refused(boards, changes, message):
    write(boards, **changes)
    with pytest.raises(FormatError, match=message):
        read_tables(boards)
