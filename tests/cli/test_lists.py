import json
import subprocess
import sys

import pytest


def test_methods_are_listed_and_one_is_shown_with_its_parameters(sslbench):
    assert "multilateration" in sslbench("methods")[1]
    shown = sslbench("methods", "srp-phat")[1]
    assert "parameter" in shown
    assert "grid" in shown


def test_lists_are_given_as_json(sslbench):
    for words in (["methods"], ["datasets", "list"], ["plugins", "list"]):
        code, out, _ = sslbench(*words, "--json")
        assert code == 0
        assert json.loads(out)


def test_methods_are_listed_with_their_type(sslbench):
    header, _, *rows = sslbench("methods")[1].splitlines()
    assert header.split() == ["method", "estimates", "sources", "type", "summary"]
    types = {row.split()[0]: row for row in rows}
    assert "learned" in types["mean-position"]
    assert "classical" in types["srp-phat"]
    assert "oracle" in types["oracle-quantiser"].removeprefix("oracle-quantiser")


@pytest.mark.parametrize("words", [["methods"], ["datasets", "list"], ["metrics"], ["protocols"]])
@pytest.mark.parametrize("width", [80, 120])
def test_lists_fit_the_terminal(sslbench, monkeypatch, words, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, sslbench(*words)[1].splitlines())) <= width


def state(sslbench, name):
    listed = sslbench("datasets", "list")[1].splitlines()
    (row,) = (line for line in listed if line.startswith(f"{name} "))
    return row.removeprefix(name).split(maxsplit=1)[1]


def test_simulated_data_sets_need_no_files(sslbench):
    assert state(sslbench, "luvira-sim").startswith("simulated")


def test_a_data_set_is_installed_when_its_folder_holds_files(sslbench, tmp_path):
    assert state(sslbench, "recordings").startswith("missing")
    folder = tmp_path / "data" / "recordings"
    folder.mkdir(parents=True)
    (folder / "array.yaml").touch()
    assert state(sslbench, "recordings").startswith("installed")
    assert sslbench("datasets", "path", "recordings")[1].strip().endswith("data/recordings")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], "missing"),
        (["a.zip.lock"], "missing"),
        (["a.zip.damaged", "a.zip.lock"], "missing"),
        (["a.zip.part", "a.zip.lock"], "partial download"),
        (["a.zip", "a.zip.unpacked", "b.zip.part"], "partial download"),
    ],
)
def test_a_failed_download_is_not_installed(sslbench, tmp_path, files, expected):
    folder = tmp_path / "data" / "libri-adhoc40"
    folder.mkdir(parents=True)
    for name in files:
        (folder / name).touch()
    assert state(sslbench, "libri-adhoc40").startswith(expected)


def test_a_data_set_is_prepared_and_checked(sslbench):
    assert "200 recordings are ready" in sslbench("datasets", "prepare", "feng2025-l1")[1]
    code, out, _ = sslbench("datasets", "check", "feng2025-l1", "--json")
    assert code == 0
    assert "error" not in [finding["severity"] for finding in json.loads(out)]


def test_plugins_are_listed_with_what_they_provide(sslbench):
    out = sslbench("plugins", "list")[1]
    (row,) = (line for line in out.splitlines() if line.startswith("datasets "))
    assert row.endswith(" data sets, 5 alterations")
    assert "1 executor\n" in out


def test_plugins_that_conform_pass_the_check(sslbench):
    assert sslbench("plugins", "check", "executors")[:2] == (0, "1 plugin passed\n")
    assert sslbench("plugins", "check", "executors", "protocols")[1] == "2 plugins passed\n"


def test_help_lists_the_commands(sslbench):
    out = sslbench("--help")[1]
    assert "Commands:" in out
    assert "runs" in out


def test_the_package_is_a_program():
    command = [sys.executable, "-m", "sslbench", "protocols"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0
    assert "clearmot" in done.stdout


def test_info_names_versions_and_folders(sslbench, tmp_path):
    facts = json.loads(sslbench("info", "--json")[1])
    assert facts["store"] == str(tmp_path / "store")
    assert facts["numpy"]
