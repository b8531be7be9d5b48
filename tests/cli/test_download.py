"""`sslbench datasets download`: where files are stored, messages and exit codes."""

import pytest

from sslbench.datasets.catalogue import Download, catalogue
from sslbench.errors import MissingDataError

NAME = "libri-adhoc40"


@pytest.fixture
def fetched(monkeypatch):
    """Replace the download of a file by creating it, or by raising a given error."""

    def replace(raised=None):
        def fetch(wanted, folder):
            path = folder / wanted.file
            if raised:
                path.with_name(f"{path.name}.part").write_bytes(b"12345")
                raise raised
            path.touch()
            return path

        monkeypatch.setattr("sslbench.datasets.download.fetch", fetch)

    return replace


def test_downloaded_files_are_found_by_later_commands(sslbench, fetched, tmp_path):
    fetched()
    code, out, _ = sslbench("datasets", "download", NAME)
    folder = tmp_path / "data" / NAME
    assert code == 0
    assert (folder / "adhoc40-test.rar").exists()
    assert f"unrar x {folder}/adhoc40-test.rar {folder}/" in out
    assert out.endswith(f"next: sslbench datasets check {NAME}\n")
    assert sslbench("datasets", "path", NAME)[1].strip() == str(folder)


def test_an_installed_data_set_is_not_hidden_by_a_new_folder(
    sslbench, fetched, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    folder = tmp_path / "home" / "sslbench" / "datasets" / NAME
    folder.mkdir(parents=True)
    fetched()
    sslbench("datasets", "download", NAME)
    assert (folder / "adhoc40-test.rar").exists()
    assert not (tmp_path / "data" / NAME).exists()


def test_the_printed_command_finds_files_in_another_folder(sslbench, fetched, tmp_path):
    fetched()
    _, out, _ = sslbench("datasets", "download", NAME, "--into", "big disk")
    assert (tmp_path / "big disk" / NAME / "adhoc40-test.rar").exists()
    assert f"next: SSLBENCH_DATA='{tmp_path}/big disk' sslbench datasets check {NAME}" in out


def test_an_interrupted_download_reports_its_size_and_exits_with_130(sslbench, fetched, tmp_path):
    fetched(KeyboardInterrupt())
    code, _, err = sslbench("datasets", "download", NAME)
    part = tmp_path / "data" / NAME / "adhoc40-test.rar.part"
    assert code == 130
    assert f"{part} has 5 bytes; run the same command again to resume" in err
    listed = sslbench("datasets", "list")[1].splitlines()
    assert "partial download" in next(line for line in listed if line.startswith(NAME))


def test_a_failed_download_exits_with_4(sslbench, fetched):
    fetched(MissingDataError("the connection broke", where="there"))
    code, _, err = sslbench("datasets", "download", NAME)
    assert code == 4
    assert "there: the connection broke" in err


def test_a_simulated_data_set_has_nothing_to_download(sslbench):
    code, _, err = sslbench("datasets", "download", "luvira-sim")
    assert code == 2
    assert "nothing to download" in err
    assert "sslbench datasets prepare luvira-sim" in err


def test_a_data_set_without_downloads_says_how_to_get_it(sslbench):
    code, _, err = sslbench("datasets", "download", "respeaker-multi-ssl")
    assert code == 4
    assert "https://github.com/BrownsugarZeer/Multi_SSL" in err


def test_an_unknown_data_set_gives_the_nearest_name(sslbench):
    code, _, err = sslbench("datasets", "download", "libri-adhoc4")
    assert code == 2
    assert NAME in err


def test_every_file_of_a_data_set_is_downloaded(sslbench, fetched, tmp_path, monkeypatch):
    files = tuple(Download(url=f"https://host/{n}", file=n) for n in ("a.csv", "b.csv"))
    changed = catalogue()[NAME].model_copy(update={"downloads": files})
    monkeypatch.setattr("sslbench.datasets.download.catalogue", lambda: {NAME: changed})
    fetched()
    out = sslbench("datasets", "download", NAME)[1]
    folder = tmp_path / "data" / NAME
    assert out.splitlines()[:2] == [f"downloaded: {folder / n}" for n in ("a.csv", "b.csv")]


def test_a_missing_data_set_names_the_download_command(sslbench):
    code, _, err = sslbench("datasets", "check", NAME)
    assert code == 4
    assert f"`sslbench datasets download {NAME}` fetches adhoc40-test.rar" in err
