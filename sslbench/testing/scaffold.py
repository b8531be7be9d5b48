"""Templates of a new plugin: a small package with one method, ready to install and run."""

from __future__ import annotations

import keyword
from pathlib import Path

from sslbench.errors import UsageError
from sslbench.files import publishing, store_errors
from sslbench.registry import NAME

__all__ = ["write_plugin"]

_IMPORTED = ("Method", "Prediction", "Recording", "Tracks")
"""Names that the module of the new method imports, and that its class can therefore not have."""

_PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "sslbench-{name}"
version = "0.1.0"
description = "The method {name} for sslbench"
requires-python = ">=3.11"
dependencies = ["numpy", "sslbench"]

[project.entry-points.sslbench]
{name} = "{package}"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""

_INIT = '''\
"""The method {name} for sslbench.

sslbench imports this module to list its methods, so it must not import heavy packages
such as torch. The class of the method is imported only when it is used.
"""

from sslbench.specs import MethodSpec, Parameter
from sslbench.hookspecs import hookimpl


@hookimpl
def sslbench_methods() -> list[MethodSpec]:
    """Return the specs of the methods of this plugin."""
    return [
        MethodSpec(
            name="{name}",
            target="{package}.method:{title}",
            summary="describe the method in one line",
            outputs=("position",),
            licence="MIT",
            parameters=(
                Parameter("height", 1.0, "height of estimates in metres", minimum=0),
            ),
        )
    ]
'''

_METHOD = '''\
"""The localization method {name}."""

import numpy as np
from sslbench.contracts import Method
from sslbench.scene import Prediction, Recording, Tracks


class {title}(Method):
    """Predict the position of the loudest microphone, as a placeholder for your method.

    Args:
        height: height of the estimates in metres.
    """

    def __init__(self, *, height: float = 1.0) -> None:
        self.height = height

    def locate(self, recording: Recording) -> Prediction:
        """Return one track at a fixed position, or no detection (NaN) for silence."""
        positions = recording.array.positions
        assert positions is not None, "missing for ambisonic recordings only"
        power = (recording.audio**2).mean(axis=1)
        xyz = np.full(3, np.nan)
        if power.any():
            xyz = positions[power.argmax()].copy()
            xyz[2] = self.height
        return Prediction(Tracks.still(recording, xyz))
'''

_TEST = '''\
"""Tests of the method {name}."""

from sslbench.testing import check_method

from {package} import sslbench_methods


def test_the_method_fulfils_the_contract_of_sslbench() -> None:
    (spec,) = sslbench_methods()
    assert check_method(spec) == []
'''

_README = """\
# sslbench-{name}

The localization method `{name}` as a plugin for sslbench.

Install the plugin and run its method on a data set:

    pip install -e .
    sslbench run --method {name} --dataset luvira-sim

Check that it fulfils the contract of sslbench:

    sslbench plugins check {name}
"""


def write_plugin(name: str, into: Path) -> Path:
    """Write a package with one method and return its folder.

    Args:
        name: name of the method: lower-case words joined by hyphens.
        into: folder in which the folder of the package is created.

    Raises:
        UsageError: if no class can be named after the method or the folder exists already.
        StoreError: if a file cannot be written.
    """
    title = _class_name(name)
    folder = into / f"sslbench-{name}"
    if folder.exists():
        raise UsageError(f"{folder} exists already", hint="choose another name or --into")
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
            for path, template in files.items():
                (temporary / path).parent.mkdir(exist_ok=True)
                text = template.format(name=name, package=package, title=title)
                (temporary / path).write_text(text, encoding="utf-8")
    return folder


def _class_name(name: str) -> str:
    """Return the name of the class of a method.

    Raises:
        UsageError: if the name of the method is invalid or gives an unusable class name.
    """
    title = "".join(word.capitalize() for word in name.split("-"))
    if not NAME.fullmatch(name) or not title.isidentifier():
        raise UsageError(
            f"{name!r} is not a valid name",
            expected="lower-case words joined by hyphens, the first beginning with a letter",
        )
    if keyword.iskeyword(title) or title in _IMPORTED:
        raise UsageError(
            f"{name!r} gives the class name {title}, which is a Python keyword or already imported",
            hint=f"choose another name, such as my-{name}",
        )
    return title
