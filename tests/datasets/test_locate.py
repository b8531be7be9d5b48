"""Data sets are searched for in SSLBENCH_DATA, then in the user's data folder."""

from pathlib import Path

import pytest
from platformdirs import user_data_path

from sslbench.datasets import sslbench_locate_data
from sslbench.datasets.locate import candidates


@pytest.fixture(autouse=True)
def homes(monkeypatch, tmp_path):
    monkeypatch.setenv("SSLBENCH_DATA", str(tmp_path / "named"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


def test_the_folder_of_the_environment_variable_comes_first():
    home = user_data_path("sslbench") / "datasets" / "room"
    home.mkdir(parents=True)
    assert sslbench_locate_data("room") == home
    named = candidates("room")[0]
    named.mkdir(parents=True)
    assert sslbench_locate_data("room") == named


def test_a_missing_folder_gives_none():
    assert sslbench_locate_data("room") is None


def test_without_the_variable_only_the_users_data_folder_is_searched(monkeypatch):
    monkeypatch.delenv("SSLBENCH_DATA")
    assert candidates("room") == [Path(user_data_path("sslbench")) / "datasets" / "room"]
