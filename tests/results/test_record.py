import json

import pytest

from sslbench.errors import FormatError
from sslbench.results.record import read_record
from sslbench.running.config import RunConfig
from sslbench.running.engine import CellRunner
from sslbench.running.environment import source
from sslbench.running.executors import run_cells


@pytest.fixture
def record_path(registry, session, cell):
    runner = CellRunner(session.store.root, session.cache)
    (outcome,) = run_cells(registry, RunConfig(), runner, [cell("detector+nearest", "walk+mics")])
    return session.store.run(outcome.run_id)


def test_a_record_that_is_written_again_is_the_same_text(record_path):
    assert read_record(record_path).to_json() == record_path.read_text()


def test_numbers_are_numbers_and_undefined_ones_null(record_path):
    metrics = json.loads(record_path.read_text())["metrics"]
    assert all(isinstance(m["value"], (float, type(None))) for m in metrics)
    assert "NaN" not in record_path.read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema_version": 4}, "schema version 4\n.*expected: 3\n.*update sslbench"),
        ({"schema_version": None}, "schema version None"),
        ({"scale": "huge"}, "scale: "),
        ({"surprise": 1}, "surprise: "),
    ],
)
def test_a_record_with_a_bad_key_names_it(record_path, change, message):
    data = json.loads(record_path.read_text()) | change
    record_path.write_text(json.dumps(data))
    with pytest.raises(FormatError, match=message):
        read_record(record_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema_version": 1}'])
def test_something_else_than_a_record_is_refused(tmp_path, text):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(FormatError, match=r"r\.json"):
        read_record(tmp_path / "r.json")


def test_the_source_is_the_checkout_of_the_package_in_any_folder(tmp_path, monkeypatch):
    here = source()
    monkeypatch.chdir(tmp_path)
    assert source().commit == here.commit
    assert here.commit is None or len(here.commit) == 40


def test_additions_are_listed_with_all_their_parameters(record_path):
    record = read_record(record_path)
    (tracker,), (alteration,) = record.method.additions, record.dataset.additions
    assert (tracker.name, tracker.params["birth"]) == ("nearest", 3)
    assert (alteration.name, alteration.params) == (
        "mics",
        {"n": 4, "pick": "first", "seed": 0},
    )


def test_lists_of_numbers_are_written_on_one_line(record_path):
    longest = max(record_path.read_text().splitlines(), key=len)
    assert longest.count(",") >= 999


@pytest.mark.parametrize(
    ("text", "message"),
    [("[" * 100_000, "nested too deeply"), ('{"a": ' * 100_000, "nested too deeply")],
)
def test_a_record_that_is_nested_deeply_is_refused(tmp_path, text, message):
    (tmp_path / "record.json").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_record(tmp_path / "record.json")


def test_a_huge_record_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "record.json").open("wb") as file:
        file.truncate(10**12)  # takes no space
    with pytest.raises(FormatError, match="more than 20 MB"):
        read_record(tmp_path / "record.json")
