"""The documents name only what there is."""

import doctest
import importlib
import re
from pathlib import Path

import click
import pytest

from sslbench.cli import sslbench

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TYPED = re.compile(r"(?:\$ |`|&& |bin/)sslbench ([a-z].*?)(?:`|$|&&)", re.MULTILINE)


def commands():
    for path in DOCUMENTS:
        for typed in TYPED.findall(path.read_text()):
            yield pytest.param(typed, id=f"{path.name}: {typed[:40]}")


@pytest.mark.parametrize("typed", list(commands()))
def test_a_command_in_a_document_exists_with_its_options(typed):
    words = re.sub(r"'[^']*'", "x", typed).split()
    context = click.Context(sslbench)
    command = sslbench
    while isinstance(command, click.Group) and words:
        name = words.pop(0).split("|")[0]
        command = command.get_command(context, name)
        assert command is not None, f"no verb {name}"
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word.split("=")[0] for word in words if word.startswith("-")} <= known


def modules_with_examples():
    for root in (ROOT, ROOT / "plugins"):
        for path in sorted(root.glob("sslbench*/**/*.py")):
            if ">>> " in path.read_text():
                yield ".".join(path.relative_to(root).with_suffix("").parts)


@pytest.mark.parametrize("module", list(modules_with_examples()))
def test_the_examples_of_a_module_are_true(module):
    tested = doctest.testmod(importlib.import_module(module))
    assert tested.attempted > 0
    assert tested.failed == 0


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_leads_to_a_file(path):
    links = re.findall(r"\]\((?!http)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []
