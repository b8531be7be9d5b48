"""Time and memory of work are measured, also if the work was interrupted."""

import platform
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from sslbench.running import cost as cost_module
from sslbench.running.cost import Stopwatch, cpu_model, measured


def test_memory_that_is_freed_again_counts_towards_the_peak():
    with measured() as before:
        pass
    with measured() as cost:
        block = np.ones(200 * 2**20, np.uint8)
        time.sleep(0.2)
        del block
    assert cost.peak_ram_mb > before.peak_ram_mb + 150


def test_the_peak_of_one_block_does_not_count_towards_the_next():
    with measured() as first:
        block = np.ones(200 * 2**20, np.uint8)
        time.sleep(0.1)
        del block
    with measured() as second:
        pass
    assert second.peak_ram_mb < first.peak_ram_mb - 150


def test_waiting_takes_time_but_no_cpu_time():
    with measured() as cost:
        time.sleep(0.3)
    assert cost.seconds >= 0.3
    assert cost.cpu_seconds < 0.2


def test_cpu_time_of_other_threads_counts():
    def work():
        end = time.thread_time() + 0.3
        while time.thread_time() < end:
            pass

    with measured() as cost:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert cost.cpu_seconds >= 0.25


def test_a_failure_is_measured_and_leaves_no_thread():
    threads = threading.active_count()
    with pytest.raises(ValueError, match="failed"), measured() as cost:
        raise ValueError("failed")
    assert cost.peak_ram_mb > 1
    assert threading.active_count() == threads


def test_video_memory_is_unknown_where_torch_is_not_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with measured() as cost:
        pass
    assert cost.peak_vram_mb is None


def test_the_processor_has_a_name():
    assert cpu_model().strip()


CPUINFO = """\
processor\t: 0
vendor_id\t: GenuineIntel
model\t\t: 85
model name\t: Intel(R) Xeon(R)   CPU @ 2.20GHz

processor\t: 1
model name\t: another
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CPUINFO, "Intel(R) Xeon(R)   CPU @ 2.20GHz"),
        ("processor\t: 0\n\nModel\t\t: Raspberry Pi 5\n", "Raspberry Pi 5"),
        ("processor\t: 0\nBogoMIPS\t: 50.00\n", ""),
    ],
)
def test_the_name_is_read_from_cpuinfo(tmp_path, text, expected):
    (tmp_path / "cpuinfo").write_text(text)
    assert cost_module._model_in_cpuinfo(tmp_path / "cpuinfo") == expected
    assert cost_module._model_in_cpuinfo(tmp_path / "none") == ""


def test_the_name_is_asked_of_sysctl_on_macos(monkeypatch):
    def run(command, **_):
        assert command == ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.CompletedProcess(command, 0, "Apple  M2\n", "")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", run)
    assert cpu_model() == "Apple M2"


def test_a_processor_without_a_name_is_called_by_its_architecture(monkeypatch):
    monkeypatch.setattr(sys, "platform", "plan9")
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert cpu_model() == "aarch64"


def test_a_stopwatch_continues_from_what_was_kept(tmp_path):
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
