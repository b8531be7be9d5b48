"""Features on disk are made once, appear whole or not at all, and are made again if damaged."""

import os
import threading

import numpy as np
import pytest

from sslbench.errors import FormatError, StoreError
from sslbench.training.examples import ExampleSet
from sslbench.training.feature_cache import FEWEST_PER_PROCESS, cached_examples

SCENES = 12
EXPECTED = [n**2 for n in range(SCENES)]


class Squares(ExampleSet):
    """Squares of the index.

    Args:
        during: called when half of the examples are made.
    """

    def __init__(self, during=None):
        self.made = 0
        self.during = during

    def __len__(self):
        return SCENES

    def arrays(self, index):
        self.made += 1
        if self.during and index == SCENES // 2:
            self.during()
        planes = np.full((2, 3), index**2, np.float16)
        return {"planes": planes, "position": np.array([index, -index], np.float32)}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "features" / "key"


def values(examples):
    return [float(examples[index]["planes"][1, 2]) for index in range(len(examples))]


def test_examples_are_read_back_as_they_were_made(folder):
    examples = cached_examples(Squares(), folder)
    assert values(examples) == EXPECTED
    assert examples[3]["planes"].dtype == np.float16
    assert examples[3]["position"].tolist() == [3, -3]
    assert examples[3]["index"] == 3


def test_examples_are_made_once(folder):
    cached_examples(Squares(), folder)
    again = Squares()
    assert values(cached_examples(again, folder)) == EXPECTED
    assert again.made == 0


def test_an_example_may_be_changed_without_changing_the_cache(folder):
    examples = cached_examples(Squares(), folder)
    examples[3]["planes"][:] = 0
    assert values(examples) == EXPECTED


def test_the_second_of_two_processes_waits_for_the_first(folder):
    reached, proceed = threading.Event(), threading.Event()

    def wait():
        reached.set()
        proceed.wait(20)

    first, second, found = Squares(wait), Squares(), {}

    def run(name, examples):
        found[name] = values(cached_examples(examples, folder))

    threads = [threading.Thread(target=run, args=("first", first))]
    threads[0].start()
    assert reached.wait(20)
    threads.append(threading.Thread(target=run, args=("second", second)))
    threads[1].start()
    proceed.set()
    for thread in threads:
        thread.join(20)
    assert found == {"first": EXPECTED, "second": EXPECTED}
    assert second.made == 0


@pytest.mark.parametrize("file", ["planes.npy", "position.npy", "about.json"])
def test_truncated_files_are_made_again(file, folder):
    cached_examples(Squares(), folder)
    path = folder / file
    path.write_bytes(path.read_bytes()[:-8])
    again = Squares()
    assert values(cached_examples(again, folder)) == EXPECTED
    assert again.made > 0


def test_an_interruption_leaves_no_complete_folder(folder):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached_examples(Squares(interrupt), folder)
    assert not folder.exists()
    assert values(cached_examples(Squares(), folder)) == EXPECTED


def test_examples_of_different_shapes_are_refused_with_their_index(folder):
    class Growing(Squares):
        def arrays(self, index):
            return {"planes": np.zeros(2 + (index == 7))}

    with pytest.raises(FormatError, match=r"planes of shape \(3,\).*in scene 7"):
        cached_examples(Growing(), folder)


def test_a_cache_that_cannot_be_written_is_reported(folder):
    folder.parent.write_text("not a folder")
    with pytest.raises(StoreError, match="features cannot be written"):
        cached_examples(Squares(), folder)


def test_features_that_vanish_while_they_are_used_are_reported(folder):
    examples = cached_examples(Squares(), folder)
    (folder / "planes.npy").unlink()
    with pytest.raises(StoreError, match="missing or damaged"):
        examples[0]


class Process(ExampleSet):
    """The process that made an example."""

    def __init__(self, wrong=None):
        self.wrong = wrong

    def __len__(self):
        return 2 * FEWEST_PER_PROCESS

    def arrays(self, index):
        if index == self.wrong:
            raise FormatError("damaged", where="scene 7", expected="a good one")
        return {"process": np.array(os.getpid()), "number": np.array([index], np.float16)}


def test_many_examples_are_made_in_several_processes_and_in_order(folder, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    examples = cached_examples(Process(), folder)
    made = [examples.arrays(index) for index in range(len(examples))]
    assert [int(each["number"][0]) for each in made] == list(range(len(examples)))
    assert made[0]["number"].dtype == np.float16
    processes = {int(each["process"]) for each in made}
    assert len(processes) == 2
    assert os.getpid() not in processes


def test_one_core_makes_them_in_this_process(folder, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    examples = cached_examples(Process(), folder)
    assert {int(examples.arrays(index)["process"]) for index in (0, 150)} == {os.getpid()}


def test_an_error_in_a_process_is_the_error_of_the_example(folder, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pytest.raises(FormatError, match="damaged") as error:
        cached_examples(Process(wrong=7), folder)
    assert error.value.where == "scene 7"
