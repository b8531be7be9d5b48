"""Tests neither read nor write files of the user."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from platformdirs import user_cache_path, user_data_path

from sslbench.datasets.locate import candidates
from sslbench.results.store import default_cache, default_store

ROOT = Path(__file__).resolve().parents[1]

DEFAULTS = {
    "home": Path.home,
    "data of programs": lambda: user_data_path("sslbench"),
    "cache of programs": lambda: user_cache_path("sslbench"),
    "store": default_store,
    "rendered scenes": default_cache,
    "data sets": lambda: candidates("libri-adhoc40")[0],
    "data sets of the user": lambda: candidates("libri-adhoc40")[-1],
}


@pytest.mark.parametrize("default", DEFAULTS)
def test_a_default_folder_is_temporary(default, user_folders):
    assert DEFAULTS[default]().is_relative_to(user_folders)


def test_the_folders_of_a_subprocess_are_temporary(user_folders):
    code = "from sslbench.results import store; print(store.default_store())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(user_folders)


def test_a_partial_download_of_the_user_is_left_alone(tmp_path):
    part = tmp_path / "sslbench" / "datasets" / "libri-adhoc40" / "adhoc40-test.rar.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"hours of downloading")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["--basetemp", str(tmp_path / "temporary"), "tests/cli/test_download.py"]
    environment = os.environ | {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={name: value for name, value in environment.items() if name != "SSLBENCH_DATA"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert part.read_bytes() == b"hours of downloading"
    assert [path.name for path in part.parent.iterdir()] == [part.name]
