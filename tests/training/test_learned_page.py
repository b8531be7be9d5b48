"""The documentation of learned methods shows code that is tested."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HELPERS = ROOT / "tests" / "helpers"


@pytest.fixture
def blocks():
    page = (ROOT / "docs" / "learned-methods.md").read_text()
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


def code(text):
    """Return lines without indentation: the page shows methods outside their class."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_the_page_shows_the_plugin(blocks):
    assert code(blocks[0]) == code((HELPERS / "tiny_plugin.py").read_text())


def test_the_page_shows_the_whole_class_in_order(blocks):
    assert code("".join(blocks[1:])) == code((HELPERS / "tiny_network.py").read_text())
