import json
import multiprocessing
import os
import pickle
from dataclasses import replace

import numpy as np
import pytest

from sslbench.datasets.simulated.cache import RenderCache, Rendered
from sslbench.errors import StoreError

SCENES, CHUNK = 7, 3


class Renderer:
    """Render the index of each scene as audio, and record the requested ranges."""

    def __init__(self):
        self.requested = []

    def __call__(self, indices):
        self.requested.append(indices)
        audio = np.array([[[index, 1.0]] for index in indices], np.float32)
        return Rendered(audio, [{"snr_db": float(index)} for index in indices])


def _cache(folder, key="key", renderer=None):
    renderer = renderer or Renderer()
    return RenderCache(folder, key, SCENES, CHUNK, renderer), renderer


def _values(cache):
    return [float(cache.row(index)[0][0, 0]) for index in range(SCENES)]


def test_a_scene_renders_only_its_own_chunk(tmp_path):
    cache, renderer = _cache(tmp_path)
    audio, conditions, clusters = cache.row(4)
    assert audio[0, 0] == 4
    assert (conditions, clusters) == ({"snr_db": 4.0}, {})
    assert renderer.requested == [range(3, 6)]


def test_rendered_scenes_are_not_rendered_again(tmp_path):
    _cache(tmp_path)[0].fill("test")
    cache, renderer = _cache(tmp_path)
    cache.fill("test")
    assert _values(cache) == list(range(SCENES))
    assert renderer.requested == []


def test_filling_is_resumed_after_an_interruption(tmp_path):
    _cache(tmp_path)[0].row(0)
    cache, renderer = _cache(tmp_path)
    cache.fill("test")
    assert renderer.requested == [range(3, 6), range(6, 7)]


def _truncate(folder):
    file = folder / "00001.npy"
    file.write_bytes(file.read_bytes()[:-5])


def _alter(folder):
    file = folder / "00001.npy"
    data = bytearray(file.read_bytes())
    data[-20] ^= 1
    file.write_bytes(data)


def _garble(folder):
    (folder / "00001.json").write_text("{")


def _remove_a_checksum(folder):
    file = folder / "00001.json"
    about = json.loads(file.read_text())
    about["crc32"].pop()
    file.write_text(json.dumps(about))


def _remove(folder):
    (folder / "00001.npy").unlink()


@pytest.mark.parametrize("damage", [_truncate, _alter, _garble, _remove_a_checksum, _remove])
def test_a_damaged_chunk_is_rendered_again(tmp_path, damage):
    _cache(tmp_path)[0].fill("test")
    damage(tmp_path)
    cache, renderer = _cache(tmp_path)
    assert _values(cache) == list(range(SCENES))
    assert renderer.requested == [range(3, 6)]


def test_chunks_of_another_key_are_not_used(tmp_path):
    _cache(tmp_path)[0].fill("test")
    cache, renderer = _cache(tmp_path, key="other")
    cache.fill("test")
    assert len(renderer.requested) == 3


def test_an_interruption_leaves_no_partial_files(tmp_path):
    class Interrupted(Renderer):
        def __call__(self, indices):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _cache(tmp_path, renderer=Interrupted())[0].row(0)
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".lock"]


def test_a_full_disk_is_a_store_error(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(StoreError, match="No space left on device") as caught:
        _cache(tmp_path)[0].row(0)
    assert "free some space" in str(caught.value)
    assert not list(tmp_path.glob("*.tmp"))


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="rendered scenes cannot be written"):
        _cache(tmp_path / "file" / "cache")[0].row(0)


def _fill_and_count(folder):
    cache, renderer = _cache(folder)
    cache.fill("test")
    return len(renderer.requested), _values(cache)


def test_two_processes_share_the_work(tmp_path):
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        results = pool.map(_fill_and_count, [tmp_path, tmp_path])
    assert sum(count for count, _ in results) == 3
    assert all(values == list(range(SCENES)) for _, values in results)


class Talkers(Renderer):
    def __call__(self, indices):
        rendered = super().__call__(indices)
        return replace(rendered, clusters=[{"talker": f"t{index % 2}"} for index in indices])


def test_clusters_are_kept_with_the_audio(tmp_path):
    _cache(tmp_path, renderer=Talkers())[0].fill("test")
    cache, _ = _cache(tmp_path)
    assert [cache.row(index).clusters["talker"] for index in range(3)] == ["t0", "t1", "t0"]


def _many(folder, renderer=None):
    return RenderCache(folder, "key", 30, CHUNK, renderer or Renderer())


def test_several_processes_render_the_same_as_one(tmp_path):
    _many(tmp_path / "two").fill("test", processes=2)
    again = _many(tmp_path / "two", Talkers())
    again.fill("test")
    assert again._render.requested == []
    assert [again.row(index).audio[0, 0] for index in range(30)] == list(range(30))


class FailsElsewhere(Renderer):
    """Renders in the process that made it only."""

    def __init__(self):
        super().__init__()
        self.process = os.getpid()

    def __call__(self, indices):
        if os.getpid() != self.process:
            raise RuntimeError("in another process")
        return super().__call__(indices)


@pytest.mark.parametrize("renderer", [FailsElsewhere(), lambda indices: Renderer()(indices)])
def test_what_other_processes_cannot_render_is_rendered_here(tmp_path, renderer):
    cache = _many(tmp_path, renderer)
    cache.fill("test", processes=2)
    assert cache.row(29).audio[0, 0] == 29


def test_a_pickled_cache_does_not_contain_audio(tmp_path):
    cache, _ = _cache(tmp_path)
    cache.fill("test")
    assert _values(cache) == list(range(SCENES))
    again = pickle.loads(pickle.dumps(cache))
    assert again._open == {}
    assert _values(again) == list(range(SCENES))


def test_nothing_is_printed_without_a_terminal(tmp_path, capfd):
    _cache(tmp_path)[0].fill("test")
    assert capfd.readouterr() == ("", "")
    assert os.listdir(tmp_path)  # noqa: PTH208  # something was written
