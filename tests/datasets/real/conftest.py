"""Artificial files of Libri-adhoc40."""

import shutil

import pytest

from helpers.libri_adhoc40_files import UTTERANCES, rendered, write_utterance
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
