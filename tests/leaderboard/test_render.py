"""Boards are a pure function of the committed records, and drift is found."""

import csv
import io

import pytest

from sslbench.errors import LeaderboardError, StoreError
from sslbench.leaderboard.records import add
from sslbench.leaderboard.render import build, check, pages, terminal_board


@pytest.fixture
def built(make_run, boards):
    published = [
        {"metric": "position-error-truncated", "value": 0.2, "source": "Doe 2020, Table 1"}
    ]
    add(make_run("near", error=0.01), boards)
    add(make_run("far", error=2.0, published=published), boards)
    add(make_run("far", error=2.0, seed=1, published=published), boards)
    add(make_run("oracle", error=0.0, method__reference=True), boards)
    build(boards)
    return boards


def only(boards, ending):
    (path,) = (boards / "boards").glob(f"*{ending}")
    return path


def test_boards_that_were_just_built_have_not_drifted(built):
    check(built)


def test_building_twice_gives_the_same_bytes(built):
    before = {path: path.read_bytes() for path in built.rglob("*") if path.is_file()}
    build(built)
    assert {path: path.read_bytes() for path in before} == before


def test_the_page_shows_value_interval_cost_licence_seeds_and_command(built):
    page = only(built, ".md").read_text()
    (line,) = (line for line in page.splitlines() if line.startswith("| 2 | far "))
    for part in (" to ", "| 0.200 |", "| 0.5 |", "| 100 |", "MIT", "0, 1", "sslbench 0.1.0"):
        assert part in line
    assert "- far: 0.2 (Doe 2020, Table 1)" in page
    assert "`sslbench run --method 'far' --dataset 'square:test' --seed 1`" in page
    assert "| ref | oracle " in page


def test_links_of_the_page_lead_to_records(built):
    page = only(built, ".md")
    targets = [part.split(")")[0] for part in page.read_text().split("[record](")[1:]]
    assert len(targets) == 4
    assert all((page.parent / target).is_file() for target in targets)


def test_the_table_has_all_digits(built):
    near, far, oracle = csv.DictReader(io.StringIO(only(built, ".csv").read_text()))
    assert [near["rank"], far["rank"], oracle["rank"]] == ["1", "2", "ref"]
    low, value, high = (
        float(far[f"position-error-truncated{end}"]) for end in ("_low", "", "_high")
    )
    assert low < value < high
    assert far["runs"] == "far-square-0 far-square-1"
    assert far["command"].count("sslbench run") == 2


def test_the_index_names_every_board_and_its_best(built):
    index = (built / "README.md").read_text()
    assert "[square, test split, smoke scale](boards/square-test-smoke-" in index
    assert "| near |" in index


def test_an_index_without_records_says_so(boards):
    build(boards)
    assert "no records yet" in (boards / "README.md").read_text()


def test_boards_without_records_do_not_pass_the_check(boards):
    with pytest.raises(LeaderboardError, match="there is no such folder"):
        check(boards)
    build(boards)
    with pytest.raises(LeaderboardError, match="there are no records"):
        check(boards)


def test_an_edited_board_is_drift_that_is_shown(built):
    page = only(built, ".md")
    page.write_text(page.read_text().replace("| 1 | near", "| 1 | nearest"))
    with pytest.raises(LeaderboardError, match=page.name) as caught:
        check(built)
    assert "-| 1 | nearest" in str(caught.value)
    assert "+| 1 | near" in str(caught.value)


def test_a_missing_a_stale_and_a_binary_file_are_drift(built):
    only(built, ".csv").unlink()
    (built / "boards" / "old.md").write_bytes(b"\xff\xfe")
    with pytest.raises(LeaderboardError, match="2 files are not what the records give"):
        check(built)
    build(built)
    check(built)
    assert not (built / "boards" / "old.md").exists()


def test_a_record_that_is_not_on_the_board_is_drift(built, make_run):
    add(make_run("new"), built)
    with pytest.raises(LeaderboardError, match="README"):
        check(built)


def test_long_differences_are_cut(built, make_run):
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


COST = {"train_s": 90.0, "infer_s": 1.0, "real_time_factor": 0.1, "peak_ram_mb": 1.0}


def test_the_terminal_says_once_what_all_rows_share(load_run):
    cost = COST | {"peak_vram_mb": 7.0}
    record = load_run(cost=cost, method__parameters=1234567, method__trained_on="square:train")
    text = terminal_board([record])
    said = "training 1.5 min; parameters 1,234,567; licence MIT; trained on square:train"
    assert f"The same for all: {said}; seeds 0." in text
    assert "GPU memory [MB]" in text
    assert "licence" not in text.splitlines()[2]


def test_the_terminal_says_where_only_some_are_trained(load_run):
    text = terminal_board([load_run(), load_run("net", method__trained_on="square:train")])
    assert "trained on square:train, if at all" in text


def test_the_terminal_keeps_columns_that_tell_rows_apart(load_run):
    learned = load_run(
        "learned", cost=COST | {"peak_vram_mb": None}, method__parameters=5, method__licence="0BSD"
    )
    header = terminal_board([load_run(), learned]).splitlines()[2]
    for column in ("training", "parameters", "licence"):
        assert column in header


def test_the_terminal_gives_the_full_names_under_the_table(load_run):
    text = terminal_board([load_run()])
    columns = ["truncated [m]", "mean [m]", "median [m]", "<30cm [%]", "coverage [%]", "RTF"]
    header = text.splitlines()[2]
    assert [header.index(name) for name in columns] == sorted(map(header.index, columns))
    for said in (
        "mean: position-error-mean",
        "<30cm: position-accuracy[within=30cm]",
        "RTF: real-time factor",
    ):
        assert said in " ".join(text.split())


def test_the_terminal_fits_140_characters(load_run):
    published = [{"metric": "position-error-truncated", "value": 0.2, "source": "Doe 2020"}]
    learned = load_run("neural-srp", cost=COST | {"peak_vram_mb": None}, published=published)
    records = [load_run("srp-phat", method__label="srp-phat[grid=0.05]", error=2.0), learned]
    assert max(map(len, terminal_board(records).splitlines())) <= 140


def test_pages_and_tables_keep_every_column(built):
    (header,) = (line for line in only(built, ".md").read_text().splitlines() if "| rank" in line)
    for column in ("truncated [m]", "licence", "seeds", "version"):
        assert f"| {column} |" in header
    assert "truncated: position-error-truncated" in only(built, ".md").read_text()
    assert "position-error-truncated" in only(built, ".csv").read_text()


def test_nothing_finished_is_an_empty_text(load_run):
    assert terminal_board([]) == terminal_board([load_run(status="failed")]) == ""


def test_an_undefined_value_says_so(load_run):
    record = load_run()
    entries = [entry.model_copy(update={"value": None, "ci95": None}) for entry in record.metrics]
    assert "undefined" in terminal_board([record.model_copy(update={"metrics": entries})])


def test_a_bar_in_a_name_does_not_break_the_table(load_run):
    record = load_run(method__label="a[x=1|2]")
    page = next(text for name, text in pages([record]).items() if name.startswith("boards/"))
    assert "| a[x=1\\|2] |" in page
