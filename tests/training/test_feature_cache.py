"""Features are made once, whole or not at all, and made again when anything changed."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from sslbench.errors import FormatError, StoreError
from sslbench.training.examples import Examples
from sslbench.training.feature_cache import cached_examples

SCENES = 12


class Scenes:
    """Scenes that are numbers."""

    def __init__(self, cache, fingerprint="scenes"):
        self.request = SimpleNamespace(cache=cache)
        self.fingerprint = lambda: fingerprint

    def __len__(self):
        return SCENES

    def scene(self, index):
        return index


class Squares:
    """Makes an example of a number, and counts how often it was asked."""

    def __init__(self, wait=None):
        self.asked = 0
        self.wait = wait

    def __call__(self, scene):
        self.asked += 1
        if self.wait and scene == SCENES // 2:
            self.wait()
        planes = np.full((2, 3), scene**2, np.float16)
        return {"planes": planes, "position": np.array([scene, -scene], np.float32)}


def kept(cache, make, fingerprint="scenes", features="squares", code="1"):
    return cached_examples(Examples(Scenes(cache, fingerprint), make), features, code)


def squares(examples):
    return [float(examples[index]["planes"][1, 2]) for index in range(len(examples))]


def test_examples_are_made_once_and_read_back_as_they_were(tmp_path):
    make, again = Squares(), Squares()
    kept(tmp_path, make)
    examples = kept(tmp_path, again)
    assert squares(examples) == [n**2 for n in range(SCENES)]
    assert examples[3]["planes"].dtype == np.float16
    assert examples[3]["position"].tolist() == [3, -3]
    assert examples[3]["index"] == 3
    assert (make.asked > 0, again.asked) == (True, 0)


@pytest.mark.parametrize("change", [{"fingerprint": "x"}, {"features": "x"}, {"code": "2"}])
def test_other_scenes_features_or_code_are_made_anew(change, tmp_path):
    kept(tmp_path, Squares())
    again = Squares()
    kept(tmp_path, again, **change)
    assert again.asked > 0


def test_of_two_that_want_them_one_makes_them_and_both_are_right(tmp_path):
    reached, go_on = threading.Event(), threading.Event()

    def wait():
        reached.set()
        go_on.wait(20)

    first, second, found = Squares(wait), Squares(), {}

    def run(name, make):
        found[name] = squares(kept(tmp_path, make))

    threads = [threading.Thread(target=run, args=("first", first))]
    threads[0].start()
    assert reached.wait(20)
    threads.append(threading.Thread(target=run, args=("second", second)))
    threads[1].start()
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert found["first"] == found["second"] == [n**2 for n in range(SCENES)]
    assert second.asked == 0


@pytest.mark.parametrize("file", ["planes.npy", "position.npy", "about.json"])
def test_what_was_cut_off_is_made_again(file, tmp_path):
    kept(tmp_path, Squares())
    path = next(tmp_path.rglob(file))
    path.write_bytes(path.read_bytes()[:-8])
    again = Squares()
    assert squares(kept(tmp_path, again)) == [n**2 for n in range(SCENES)]
    assert again.asked > 0


def test_an_interruption_leaves_nothing_that_looks_whole(tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path, Squares(interrupt))
    assert not list(tmp_path.rglob("about.json"))
    assert squares(kept(tmp_path, Squares())) == [n**2 for n in range(SCENES)]


def test_examples_of_different_shapes_are_refused_by_number(tmp_path):
    def make(scene):
        return {"planes": np.zeros(2 + (scene == 7))}

    with pytest.raises(FormatError, match=r"planes of shape \(3,\).*in scene 7"):
        kept(tmp_path, make)


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "features").write_text("in the way")
    with pytest.raises(StoreError, match="features cannot be written"):
        kept(tmp_path, Squares())


def test_features_that_vanish_while_they_are_used_are_named(tmp_path):
    examples = kept(tmp_path, Squares())
    next(tmp_path.rglob("planes.npy")).unlink()
    with pytest.raises(StoreError, match="gone or damaged"):
        examples[0]
