"""What work cost is known, also if it was interrupted."""

import time

from sslbench.running.cost import Stopwatch


def test_a_stopwatch_goes_on_from_what_was_kept(tmp_path):
    file = tmp_path / "seconds"
    file.write_text("100.0")
    watch = Stopwatch(file)
    assert 100 <= watch.seconds < 160
    watch.keep()
    assert 100 <= float(file.read_text()) <= watch.seconds


def test_a_stopwatch_does_not_count_what_was_lost(tmp_path):
    file = tmp_path / "seconds"
    first = Stopwatch(file)
    first.keep()
    kept = float(file.read_text())
    time.sleep(0.05)
    assert Stopwatch(file).seconds < kept + 0.05
