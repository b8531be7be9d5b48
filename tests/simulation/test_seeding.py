import subprocess
import sys

from sslbench.simulation.seeding import stream


def test_a_stream_is_the_same_in_another_process():
    code = "from sslbench.simulation.seeding import stream; print(stream('a', 1).integers(10**9))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == stream("a", 1).integers(10**9)


def test_streams_of_different_names_differ():
    names = [("a", 1), ("a", 2), ("b", 1), ("a1",), ("a", "1", "")]
    assert len({stream(*name).integers(2**62) for name in names}) == len(names)
