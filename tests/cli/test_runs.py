"""`sslbench runs`: which stored runs are listed, and how."""

import json

import pytest

from sslbench.results.store import Store


@pytest.fixture
def stored(sslbench):
    """Run two trivial baselines; return the names of their runs."""
    sslbench("run", "-m", "room-centre", "-m", "random-position", "-d", "feng2025-l1[aperture=0.3]")
    return sorted(run["run"] for run in json.loads(sslbench("runs", "--json")[1]))


def test_an_empty_store_says_how_to_fill_it(sslbench):
    code, out, err = sslbench("runs")
    assert (code, out) == (0, "")
    assert "`sslbench run` adds some" in err
    assert json.loads(sslbench("runs", "--json")[1]) == []


def test_runs_are_listed_with_their_properties(sslbench, stored, monkeypatch):
    monkeypatch.setenv("COLUMNS", "250")
    code, out, _ = sslbench("runs")
    assert code == 0
    header, _, *rows = out.splitlines()
    for column in ("method", "data set", "split", "scale", "seed", "protocol", "date"):
        assert column in header
    assert sorted(row.split()[0] for row in rows) == stored
    for text in ("feng2025-l1[aperture=0.3]", "test", "smoke", "sslbench"):
        assert all(text in row for row in rows)
    assert "position-error-capped" in rows[0]


def test_a_narrow_terminal_keeps_names_and_values(sslbench, stored, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    out = sslbench("runs")[1]
    assert all(name in out for name in stored)
    assert "value" in out.splitlines()[0]
    assert "Left out to fit 90 characters:" in out
    assert max(map(len, out.splitlines())) <= 90


def test_runs_are_given_as_json(sslbench, stored):
    (run,) = json.loads(sslbench("runs", "room-centre*", "--json")[1])
    assert run["run"] in stored
    assert run["dataset_params"]["aperture"] == 0.3
    assert (run["split"], run["scale"], run["seed"]) == ("test", "smoke", 0)
    assert (run["protocol"], run["metric"]) == ("sslbench", "position-error-capped")
    assert run["value"] > 0
    assert run["unit"] == "m"


def test_a_run_that_matches_two_patterns_is_listed_once(sslbench, stored):
    out = sslbench("runs", "room-*", "*centre*", "--json")[1]
    assert len(json.loads(out)) == 1


def test_an_unknown_pattern_gives_the_nearest_names(sslbench, stored):
    code, _, err = sslbench("runs", stored[0][:-3] + "xyz")
    assert code == 2
    assert f"perhaps {stored[0]}" in err
    assert "`sslbench runs` lists the stored runs" in err


def test_three_names_are_given_and_not_all(sslbench, tmp_path):
    for index in range(20):
        Store(tmp_path / "store").put_run(f"srp-phat-luvira-sim-{index}", "{}", b"")
    code, _, err = sslbench("runs", "multilateration-*")
    assert code == 2
    assert err.count("srp-phat-luvira-sim-") == 3


def test_a_damaged_record_is_reported_and_the_others_are_listed(sslbench, stored, tmp_path):
    (tmp_path / "store" / "runs" / stored[0] / "record.json").write_text("{}")
    code, out, err = sslbench("runs", "--json")
    assert code == 0
    assert [run["run"] for run in json.loads(out)] == stored[1:]
    assert stored[0] in err
