"""`sslbench plot`: figures of stored runs and of committed records."""

import pytest

pytest.importorskip("matplotlib")


@pytest.fixture
def run(sslbench):
    sslbench("run", "-m", "room-centre", "-d", "feng2025-l1")
    return "room-centre--feng2025-l1--test-smoke-s0"


@pytest.mark.parametrize("figure", ["error-distribution", "resolution", "room"])
def test_a_figure_of_a_stored_run_is_written(sslbench, run, tmp_path, figure):
    code, out, _ = sslbench("plot", figure, run, "--into", "figure.svg")
    assert (code, out) == (0, "figure.svg\n")
    assert "<svg" in (tmp_path / "figure.svg").read_text()


def test_a_record_can_be_named_by_its_path(sslbench, run, tmp_path):
    record = tmp_path / "store" / "runs" / run / "record.json"
    code, _, _ = sslbench("plot", "conditions", record, "--by", "distance_m", "--into", "a.png")
    assert code == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("figure", "name", "message"),
    [
        ("resolutions", "{run}", "there is no figure 'resolutions'"),
        ("resolution", "nothing", "nothing"),
        ("learning-curves", "{run}", "none of these runs has a learning curve"),
    ],
)
def test_what_cannot_be_drawn_is_told(sslbench, run, figure, name, message):
    code, _, err = sslbench("plot", figure, name.format(run=run), "--into", "a.png")
    assert code == 2
    assert message in err
