"""Progress of long work without a terminal: a plain line every 30 seconds."""

import io
import sys

import pytest

from sslbench.progress import PlainProgress, progress_bar


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def work(clock):
    """Return a function that does steps of equal length and returns the printed lines."""

    def run(steps, seconds_per_step, *, label="work", unit="scene", total=None, done=0, size=1):
        stream = io.StringIO()
        with PlainProgress(label, unit, total, done, stream, clock) as progress:
            for _ in range(steps):
                clock.now += seconds_per_step
                progress.update(size)
        return stream.getvalue().splitlines()

    return run


def test_a_line_says_what_is_done_and_how_long_the_rest_takes(work):
    lines = work(1, 270, label="rendering luvira-sim train", total=2000, size=1200)
    assert lines == ["rendering luvira-sim train: 1200 of 2000 scenes, 3 min left"]


def test_work_of_less_than_30_seconds_prints_nothing(work):
    assert work(299, 0.1, total=299) == []


def test_a_line_is_printed_every_30_seconds(work):
    lines = work(800, 0.125, total=800)
    assert [line.split(",")[0] for line in lines] == [
        "work: 240 of 800 scenes",
        "work: 480 of 800 scenes",
        "work: 720 of 800 scenes",
    ]


def test_slow_steps_print_one_line_each(work):
    assert work(3, 100, total=4) == [
        "work: 1 of 4 scenes, 5 min left",
        "work: 2 of 4 scenes, 3 min left",
        "work: 3 of 4 scenes, 2 min left",
    ]


def test_what_was_done_before_does_not_shorten_the_estimate(work):
    assert work(1, 30, total=100, done=70, size=10) == ["work: 80 of 100 scenes, 1 min left"]


def test_without_a_total_the_count_is_printed(work):
    assert work(2, 20, unit="step") == ["work: 2 steps"]


@pytest.mark.parametrize(
    ("size", "total", "expected"),
    [
        (1_234_567, None, "1.23 MB"),
        (800, 20_000, "800 B of 20 kB"),
        (5_000_000_000, 20_000_000_000, "5 GB of 20 GB"),
        (10**12, 2 * 10**12, "1000 GB of 2000 GB"),
    ],
)
def test_bytes_are_printed_in_larger_units(work, size, total, expected):
    (line,) = work(1, 60, unit="B", total=total, size=size)
    assert line.split(",")[0] == f"work: {expected}"


@pytest.mark.parametrize(
    ("seconds", "expected"), [(40, "40 s"), (89, "1 min"), (3599, "1 h 0 min"), (7500, "2 h 5 min")]
)
def test_the_time_left_is_printed_in_a_fitting_unit(work, seconds, expected):
    assert work(1, seconds, total=2) == [f"work: 1 of 2 scenes, {expected} left"]


def test_facts_stand_at_the_end(clock):
    stream = io.StringIO()
    with PlainProgress("epoch 3", "step", 4, stream=stream, clock=clock) as progress:
        progress.set_postfix(loss="0.25")
        clock.now += 30
        progress.update(2)
    assert stream.getvalue() == "epoch 3: 2 of 4 steps, 30 s left, loss 0.25\n"


def test_lines_go_to_stderr(capsys, monkeypatch):
    monkeypatch.setattr("sslbench.progress.LINE_EVERY", 0.0)
    with progress_bar("work", "scene", 2) as progress:
        progress.update()
    assert capsys.readouterr().err.startswith("work: 1 of 2 scenes, ")


def test_a_terminal_gets_a_bar(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar("work", "scene", 3) as progress:
        progress.update()
        progress.set_postfix(loss="1")
    assert "work:  33%" in sys.stderr.getvalue()
