"""The plan of the house, held by a test: see docs/architecture.md."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "sslbench"

LAYERS = {
    "array_types": 0,
    "cores": 0,
    "errors": 0,
    "geometry": 0,
    "progress": 0,
    "files": 1,
    "tables": 1,
    "parameters": 1,
    "scene": 1,
    "specs": 1,
    "contracts": 1,
    "cell": 1,
    "hookspecs": 2,
    "registry": 2,
    "selection": 2,
    "cache_keys": 2,
    "acoustics": 2,
    "simulation": 3,
    "metrics": 3,
    "scoring": 4,
    "datasets": 5,
    "training": 5,
    "results": 6,
    "running": 7,
    "figures": 7,
    "leaderboard": 8,
    "testing": 8,
    "api": 9,
    "cli": 9,
    "__main__": 9,
}


def modules():
    return sorted(path for path in CORE.rglob("*.py") if path != CORE / "__init__.py")


def imported(path):
    """Return every module that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(path):
    return LAYERS[path.relative_to(CORE).parts[0].removesuffix(".py")]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(CORE)))
def test_a_module_imports_only_from_its_layer_and_above(path):
    for name in imported(path):
        found = re.match(r"sslbench\.(\w+)", name)
        if found and found[1] in LAYERS:
            assert LAYERS[found[1]] <= layer(path), f"{path.name} imports {name}"


def test_the_core_imports_no_plugin():
    assert not [p for p in modules() for name in imported(p) if name.startswith("sslbench_")]


HEAVY = {"torch", "pandas", "pyroomacoustics", "scipy", "matplotlib", "soundfile"}


@pytest.mark.parametrize(
    "words",
    [["--help"], ["methods"], ["datasets", "list"], ["metrics"], ["runs"], ["run", "--help"]],
)
def test_listing_imports_nothing_heavy(words):
    script = (
        "import sys; from sslbench.cli import main\n"
        f"sys.argv = ['sslbench', *{words!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        f"heavy = {HEAVY!r} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
