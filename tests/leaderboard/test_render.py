"""Boards are a pure function of the committed records, and outdated files are detected."""

import csv
import io

import pytest

from helpers.records import training
from sslbench.errors import LeaderboardError, StoreError
from sslbench.leaderboard.records import add
from sslbench.leaderboard.render import build, check, pages, terminal_board


@pytest.fixture
def built(make_run, boards):
    published = [{"metric": "position-error-capped", "value": 0.2, "source": "Doe 2020, Table 1"}]
    add(make_run("near", error=0.01), boards)
    add(make_run("far", error=2.0, published=published), boards)
    add(make_run("far", error=2.0, seed=1, published=published), boards)
    add(make_run("oracle", error=0.0, method__reference=True), boards)
    build(boards)
    return boards


def cells(line):
    """Return a row of a Markdown table without the spaces that align its columns."""
    return "| " + " | ".join(cell.strip() for cell in line.split("|")[1:-1]) + " |"


def only(boards, ending):
    (path,) = (boards / "boards").glob(f"*{ending}")
    return path


def test_boards_that_were_just_built_pass_the_check(built):
    check(built)


def test_building_twice_gives_the_same_bytes(built):
    before = {path: path.read_bytes() for path in built.rglob("*") if path.is_file()}
    build(built)
    assert {path: path.read_bytes() for path in before} == before


def test_the_page_shows_value_interval_cost_licence_seeds_and_command(built):
    page = only(built, ".md").read_text()
    (line,) = (row for row in map(cells, page.splitlines()) if row.startswith("| 2 | far |"))
    for part in (" to ", "| 0.200 |", "| 0.5 |", "| 100 |", "MIT", "0, 1", "sslbench 0.1.0"):
        assert part in line
    assert "- far: 0.2 (Doe 2020, Table 1)" in page
    assert "`sslbench run --method 'far' --dataset 'square:test' --seed 1`" in page
    assert "| ref | oracle |" in "\n".join(map(cells, page.splitlines()))
    assert "`ref` rows are oracles" in page


def test_links_of_the_page_point_to_records(built):
    page = only(built, ".md")
    targets = [part.split(")")[0] for part in page.read_text().split("[record](")[1:]]
    assert len(targets) == 4
    assert all((page.parent / target).is_file() for target in targets)


def test_the_csv_file_has_all_digits(built):
    near, far, oracle = csv.DictReader(io.StringIO(only(built, ".csv").read_text()))
    assert [near["rank"], far["rank"], oracle["rank"]] == ["1", "2", "ref"]
    low, value, high = (float(far[f"position-error-capped{end}"]) for end in ("_low", "", "_high"))
    assert low < value < high
    assert far["runs"] == "far--square--test-smoke-s0 far--square--test-smoke-s1"
    assert far["command"].count("sslbench run") == 2


def test_the_index_names_every_board_and_its_best_method(built):
    index = (built / "README.md").read_text()
    assert (
        "[square, test split, smoke scale, protocol sslbench](boards/square-test-smoke.md)" in index
    )
    assert "| near |" in "\n".join(map(cells, index.splitlines()))


def test_boards_of_two_protocols_have_different_titles(load_run):
    texts = pages([load_run("a"), load_run("b", protocol="other")])
    titles = [text.splitlines()[0] for name, text in texts.items() if name.endswith(".md")][1:]
    assert titles == [
        f"# square, test split, smoke scale, protocol {name}" for name in ("other", "sslbench")
    ]


def test_an_index_without_records_says_so(boards):
    build(boards)
    assert "no records yet" in (boards / "README.md").read_text()


def test_boards_without_records_do_not_pass_the_check(boards):
    with pytest.raises(LeaderboardError, match="there is no such folder"):
        check(boards)
    build(boards)
    with pytest.raises(LeaderboardError, match="there are no records"):
        check(boards)


def test_the_check_shows_how_an_edited_board_differs(built):
    page = only(built, ".md")
    page.write_text(page.read_text().replace(" near ", " nearest "))
    with pytest.raises(LeaderboardError, match=page.name) as caught:
        check(built)
    lines = str(caught.value).splitlines()
    assert any(line.startswith("-| 1 ") and " nearest " in line for line in lines)
    assert any(line.startswith("+| 1 ") and " near " in line for line in lines)


def test_missing_outdated_and_binary_files_fail_the_check(built):
    missing = only(built, ".csv")
    missing.unlink()
    (built / "boards" / "old.md").write_bytes(b"\xff\xfe")
    with pytest.raises(LeaderboardError, match=f"do not match .* boards/old.md, .*{missing.name}"):
        check(built)
    build(built)
    check(built)
    assert not (built / "boards" / "old.md").exists()


def test_a_record_that_is_not_on_the_board_fails_the_check(built, make_run):
    add(make_run("new"), built)
    with pytest.raises(LeaderboardError, match="README"):
        check(built)


def test_long_differences_are_shortened(built, make_run):
    for index in range(25):
        add(make_run(f"new-{index}"), built)
    with pytest.raises(LeaderboardError, match="more lines"):
        check(built)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        build(tmp_path / "file")


def test_the_terminal_shows_the_board_without_commands(load_run):
    text = terminal_board([load_run("near", error=0.01), load_run("far", error=2.0)])
    lines = text.splitlines()
    assert lines[0] == "square, test split, smoke scale, protocol sslbench"
    assert lines[4].split()[:2] == ["1", "near"]
    assert "sslbench run" not in text


def test_the_terminal_leaves_out_empty_columns(load_run):
    text = terminal_board([load_run()])
    assert "RTF" in text
    assert "published" not in text
    assert "training" not in text


def test_the_terminal_explains_oracles(load_run):
    oracle = load_run("oracle", method__reference=True)
    expected = "ref: oracles, given the ground truth as an upper bound; not ranked"
    mine = load_run()
    assert expected in terminal_board([mine, oracle])
    assert expected not in terminal_board([mine])


COST = {
    "train_s": 90.0,
    "infer_s": 1.0,
    "real_time_factor": 0.1,
    "peak_ram_mb": 1.0,
    "cpu": "a processor",
    "threads": 1,
    "isolated": True,
}
TRAINING = [training("square:train")]


def test_the_terminal_shows_once_what_all_rows_share(load_run):
    cost = COST | {"peak_vram_mb": 7.0}
    record = load_run(cost=cost, method__parameters=1234567, method__training=TRAINING)
    text = terminal_board([record], wide=True)
    expected = (
        "training 1.5 min; parameters 1,234,567; licence MIT; seeds 0; version sslbench 0.1.0"
    )
    assert f"Same in all rows: {expected}" in " ".join(text.split())
    assert "Learned methods were trained on square:train (smoke)." in text
    assert "GPU memory [MB]" in text
    assert "licence" not in text.splitlines()[2]


def test_the_terminal_names_the_training_data_of_learned_methods(load_run):
    text = terminal_board([load_run(), load_run("net", method__training=TRAINING)])
    assert "Learned methods were trained on square:train (smoke)." in text


def test_the_terminal_shows_columns_that_differ_between_rows(load_run):
    learned = load_run(
        "learned", cost=COST | {"peak_vram_mb": None}, method__parameters=5, method__licence="0BSD"
    )
    header = terminal_board([load_run(), learned], wide=True).splitlines()[2]
    for column in ("training", "parameters", "licence"):
        assert column in header


def test_the_terminal_gives_full_names_below_the_table(load_run):
    text = terminal_board([load_run()], wide=True)
    columns = ["capped [m]", "mean [m]", "median [m]", "<30cm [%]", "coverage [%]", "RTF"]
    header = text.splitlines()[2]
    assert [header.index(name) for name in columns] == sorted(map(header.index, columns))
    for expected in (
        "mean: position-error-mean",
        "<30cm: position-accuracy[within=30cm]",
        "RTF: real-time factor",
    ):
        assert expected in " ".join(text.split())


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_board_fits_the_terminal(load_run, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    published = [{"metric": "position-error-capped", "value": 0.2, "source": "Doe 2020"}]
    learned = load_run("neural-srp", cost=COST | {"peak_vram_mb": None}, published=published)
    records = [load_run("srp-phat", method__label="srp-phat[grid=0.05]", error=2.0), learned]
    assert max(map(len, terminal_board(records).splitlines())) <= width


def test_a_narrow_terminal_leaves_out_costs_before_metrics(load_run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = terminal_board([load_run()])
    header = text.splitlines()[2]
    assert "mean [m]" in header
    assert "RTF" not in header
    assert "Left out to fit 80 characters: " in text
    expected = "`sslbench leaderboard show --wide` and the CSV files of boards have all columns."
    assert expected in " ".join(text.split())


def test_pages_and_csv_files_have_every_column(built):
    lines = only(built, ".md").read_text().splitlines()
    (header,) = (cells(line) for line in lines if "| rank" in line)
    for column in ("capped [m]", "eff. n", "licence", "seeds", "version"):
        assert f"| {column} |" in header
    assert "capped: position-error-capped" in only(built, ".md").read_text()
    assert "position-error-capped" in only(built, ".csv").read_text()


def test_without_records_the_text_is_empty():
    assert terminal_board([]) == ""


def test_an_undefined_value_is_called_undefined(load_run):
    record = load_run()
    entries = [entry.model_copy(update={"value": None, "ci95": None}) for entry in record.metrics]
    assert "undefined" in terminal_board([record.model_copy(update={"metrics": entries})])


def test_a_bar_in_a_name_does_not_break_the_table(load_run):
    record = load_run(method__label="a[x=1|2]")
    page = next(text for name, text in pages([record]).items() if name.startswith("boards/"))
    assert "| a[x=1\\|2] " in page
