import errno
from pathlib import Path

import pytest

from sslbench.errors import StoreError, UnknownNameError
from sslbench.results.stages import PredictedStage, TrainedStage
from sslbench.results.store import Store, default_store

TRAINED = TrainedStage(cell="a cell", train_s=1.5, report={}, curve=[])


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def test_a_stage_that_was_put_is_found(store):
    store.put("train", "k", TRAINED, lambda folder: (folder / "w").touch())
    assert store.find("train", "k", TrainedStage) == TRAINED
    assert (store.folder("train", "k") / "w").exists()


def test_a_stage_whose_writing_fails_leaves_nothing(store):
    def fail(folder):
        (folder / "half").touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreError, match="No space left on device") as caught:
        store.put("predict", "k", TRAINED, fail)
    assert caught.value.exit_code == 4
    assert store.find("predict", "k", TrainedStage) is None
    assert not list(store.root.glob("tmp/*"))


def test_an_interrupted_stage_leaves_nothing(store):
    def interrupt(folder):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put("predict", "k", TRAINED, interrupt)
    assert not store.folder("predict", "k").exists()


def test_a_damaged_stage_counts_as_absent(store):
    store.put("train", "k", TRAINED, lambda folder: None)
    (store.folder("train", "k") / "stage.json").write_text("{")
    assert store.find("train", "k", TrainedStage) is None


def test_a_stage_that_another_version_left_counts_as_absent(store):
    store.put("train", "k", TRAINED, lambda folder: None)
    assert store.find("train", "k", PredictedStage) is None


def test_a_store_that_cannot_be_written_says_what_to_do(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="--store or SSLBENCH_STORE"):
        Store(tmp_path / "file" / "store").prepare()


def test_a_full_disk_is_told_before_anything_is_run(tmp_path, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(StoreError, match="No space left"):
        Store(tmp_path).prepare()


def test_an_unknown_run_is_answered_with_the_nearest(store):
    store.put_run("corner-noise-1", "{}", b"")
    with pytest.raises(UnknownNameError, match="perhaps corner-noise-1"):
        store.run("corner-noise-2")


def test_a_failure_is_remembered_until_it_is_forgotten(store):
    store.put_failure("k", {"reason": "no luck"})
    assert store.failure("k") == {"reason": "no luck"}
    store.put_failure("k", None)
    assert store.failure("k") is None


def test_two_stores_in_one_folder_share_their_locks(store):
    with store.lock("k"):
        assert not _free(Store(store.root))
    assert _free(Store(store.root))


def _free(store):
    lock = store.lock("k")
    try:
        lock.acquire(timeout=0.01)
    except TimeoutError:
        return False
    lock.release()
    return True


def test_the_environment_names_the_default_store(monkeypatch):
    monkeypatch.setenv("SSLBENCH_STORE", "somewhere")
    assert default_store() == Path("somewhere")


def test_reading_a_store_writes_nothing(tmp_path):
    store = Store(tmp_path / "store")
    assert store.runs() == []
    assert store.find("predict", "k", TrainedStage) is None
    assert not store.root.exists()


def test_a_record_is_replaced_whole(store):
    store.put_run("r", "old", b"old")
    path = store.put_run("r", "new", b"new")
    assert (path.read_text(), path.with_name("predictions.npz").read_bytes()) == ("new", b"new")
    assert not list(store.root.glob("tmp/*"))
