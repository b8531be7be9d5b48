"""Artificial files of Libri-adhoc40 and LuViRA."""

import shutil

import pytest

from helpers.libri_adhoc40_files import UTTERANCES, rendered, write_utterance
from helpers.luvira_files import write_recording
from sslbench.datasets.real.libri_adhoc40_layout import LOUDSPEAKERS


@pytest.fixture(scope="session")
def readme(tmp_path_factory):
    """Write the test split in the layout of the README; tests must not change it."""
    root = tmp_path_factory.mktemp("readme")
    for name, position in UTTERANCES.items():
        x, y = LOUDSPEAKERS["test"][position[-1]]
        write_utterance(root / "adhoc40-test", name, position, rendered(name, x, y))
    (root / "adhoc40-test" / "adhoc40_devtest_pos_to_spkr.xlsx").write_text("to be ignored")
    return root


@pytest.fixture
def damaged(readme, tmp_path):
    """Return a copy of the first utterance, which tests damage."""
    shutil.copytree(readme / "adhoc40-test" / "pos 1", tmp_path / "adhoc40-test" / "pos 1")
    return tmp_path


@pytest.fixture(scope="session")
def hall(tmp_path_factory):
    """Write two recordings of LuViRA; tests must not change them."""
    root = tmp_path_factory.mktemp("luvira")
    for name in ("music3", "speech3"):
        write_recording(root, name)
    return root


@pytest.fixture
def broken(hall, tmp_path):
    """Return a copy of `music3`, which tests damage."""
    for folder in ("audio_only/music0003", "ground_truth"):
        shutil.copytree(hall / folder, tmp_path / folder)
    return tmp_path


@pytest.fixture(scope="session")
def all_recordings(tmp_path_factory):
    """Write all eight recordings, long enough for `validation`, at a low rate to save time.

    Tests must not change them.
    """
    root = tmp_path_factory.mktemp("eight")
    for kind in ("music", "speech"):
        for number in range(1, 5):
            write_recording(root, f"{kind}{number}", seconds=12.0, rate=16000)
    return root
