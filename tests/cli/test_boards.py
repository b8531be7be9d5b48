import json


def test_a_board_of_an_added_run_passes_check_and_verify(sslbench, tmp_path):
    sslbench("run", "-m", "room-centre", "-d", "feng2025-l1")
    assert sslbench("leaderboard", "add", "room-*", "--allow-dirty")[0] == 0
    assert sslbench("leaderboard", "build")[0] == 0
    assert sslbench("leaderboard", "check")[0] == 0
    code, out, _ = sslbench("leaderboard", "verify")
    assert (code, out.split()[0]) == (0, "verified")
    assert "room-centre" in sslbench("leaderboard", "show", "-d", "feng2025-l1")[1]


def test_a_wide_board_shows_what_a_narrow_terminal_leaves_out(sslbench, monkeypatch):
    sslbench("run", "-m", "room-centre", "-d", "feng2025-l1")
    sslbench("leaderboard", "add", "room-*", "--allow-dirty")
    monkeypatch.setenv("COLUMNS", "60")
    narrow = sslbench("leaderboard", "show")[1]
    assert "Left out to fit 60 characters:" in narrow
    assert "RTF" not in narrow.splitlines()[2]
    wide = sslbench("leaderboard", "show", "--wide")[1]
    assert "Left out" not in wide
    assert "RTF" in wide.splitlines()[2]


def test_committed_predictions_are_rescored(sslbench, tmp_path):
    sslbench("run", "-m", "room-centre", "-d", "feng2025-l1")
    sslbench("leaderboard", "add", "*", "--allow-dirty")
    (path,) = tmp_path.glob("leaderboards/results/**/*.json")
    right = path.read_text()
    record = json.loads(right)
    del record["metrics"][1]
    path.write_text(json.dumps(record))
    code, out, _ = sslbench("leaderboard", "rescore")
    assert code == 0
    assert out.startswith("changed   room-centre")
    assert path.read_text() == right
    assert sslbench("leaderboard", "rescore")[1].startswith("same")


def test_an_edited_number_is_detected(sslbench, tmp_path):
    sslbench("run", "-m", "room-centre", "-d", "feng2025-l1")
    sslbench("leaderboard", "add", "room-*", "--allow-dirty")
    sslbench("leaderboard", "build")
    (path,) = tmp_path.glob("leaderboards/results/**/*.json")
    record = json.loads(path.read_text())
    for metric in record["metrics"]:
        metric["value"] *= 0.9
    path.write_text(json.dumps(record))
    assert sslbench("leaderboard", "check")[0] == 5
    code, _, err = sslbench("leaderboard", "verify")
    assert code == 5
    assert "1 of 1 records differ" in err


TABLE = """\
title: Errors of the centre
cells: {dataset: feng2025-l1, scale: smoke, method: room-centre}
columns: [{header: "error [m]"}]
rows: [{label: Centre, published: {"error [m]": 1.5}}]
"""


def test_a_table_of_a_paper_is_listed_and_printed(sslbench, tmp_path):
    sslbench("run", "-m", "room-centre", "-d", "feng2025-l1")
    sslbench("leaderboard", "add", "room-*", "--allow-dirty")
    (tmp_path / "leaderboards" / "tables").mkdir()
    (tmp_path / "leaderboards" / "tables" / "mine.yaml").write_text(TABLE)
    assert sslbench("leaderboard", "table")[1] == "mine  Errors of the centre\n"
    code, out, _ = sslbench("leaderboard", "table", "mine")
    assert code == 0
    assert "| Centre |" in out
    code, _, err = sslbench("leaderboard", "table", "yours")
    assert code == 2
    assert "there is no table 'yours'" in err
