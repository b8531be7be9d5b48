"""Starting a plugin: the smallest package that offers a method, ready to install and run."""

from __future__ import annotations

import keyword
from pathlib import Path

from sslbench.errors import UsageError
from sslbench.files import publishing, store_errors
from sslbench.registry import NAME

__all__ = ["write_plugin"]

_IMPORTED = ("Method", "Prediction", "Recording", "Tracks")
"""Names that the module of a new method has already."""

_PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "sslbench-{name}"
version = "0.1.0"
description = "The method {name} for sslbench"
requires-python = ">=3.11"
dependencies = ["sslbench"]

[project.entry-points.sslbench]
{name} = "{package}"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""

_INIT = '''\
"""The method {name} for sslbench. This module is loaded to list it: import nothing heavy here."""

from sslbench.specs import MethodSpec, Parameter
from sslbench.hookspecs import hookimpl


@hookimpl
def sslbench_methods():
    """Offer the method."""
    return [
        MethodSpec(
            name="{name}",
            target="{package}.method:{title}",
            summary="one line about what it does",
            outputs=("position",),
            licence="MIT",
            parameters=(Parameter("height", 1.0, "height in metres of every answer", minimum=0),),
        )
    ]
'''

_METHOD = '''\
"""What {name} does."""

from sslbench.contracts import Method
from sslbench.scene import Prediction, Recording, Tracks


class {title}(Method):
    """Answers below the loudest microphone, which is wrong but a beginning.

    Args:
        height: in metres, of every answer.
    """

    def __init__(self, height: float) -> None:
        self.height = height

    def locate(self, recording: Recording) -> Prediction:
        """Answer one recording; silence has no answer, which is NaN."""
        loudness = (recording.audio**2).mean(axis=1)
        place = recording.array.positions[loudness.argmax()].copy()
        place[2] = self.height if loudness.any() else float("nan")
        return Prediction(Tracks.still(recording, place))
'''

_TEST = '''\
"""The method keeps the contract of sslbench."""

from {package} import sslbench_methods

from sslbench.testing import check_method


def test_keeps_the_contract():
    assert check_method(sslbench_methods()[0]) == []
'''

_README = """\
# sslbench-{name}

    pip install -e .
    sslbench run --method {name} --dataset luvira-sim
    sslbench plugins check {name}
"""


def write_plugin(name: str, into: Path) -> Path:
    """Write a package with one method and return its folder.

    Raises:
        UsageError: if no class can be named after it, or the folder is there already.
        StoreError: if it cannot be written.
    """
    title = _class_name(name)
    folder = into / f"sslbench-{name}"
    if folder.exists():
        raise UsageError(f"{folder} is there already", hint="choose another name or --into")
    package = f"sslbench_{name.replace('-', '_')}"
    files = {
        "pyproject.toml": _PYPROJECT,
        "README.md": _README,
        f"{package}/__init__.py": _INIT,
        f"{package}/method.py": _METHOD,
        "tests/test_contract.py": _TEST,
    }
    with store_errors(folder):
        into.mkdir(parents=True, exist_ok=True)
        with publishing(folder) as temporary:
            for path, text in files.items():
                (temporary / path).parent.mkdir(exist_ok=True)
                filled = text.format(name=name, package=package, title=title)
                (temporary / path).write_text(filled, encoding="utf-8")
    return folder


def _class_name(name: str) -> str:
    """Return the name of the class for a method, or raise `UsageError` if there can be none."""
    title = "".join(word.capitalize() for word in name.split("-"))
    if not NAME.fullmatch(name) or not title.isidentifier():
        raise UsageError(
            f"{name!r} is no name",
            expected="lower-case words joined by hyphens, the first beginning with a letter",
        )
    if keyword.iskeyword(title) or title in _IMPORTED:
        raise UsageError(
            f"{name!r} would name a class {title}, which means something else in Python or here",
            hint=f"choose another name, such as my-{name}",
        )
    return title
