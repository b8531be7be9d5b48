"""Keys depend on everything that determines a result, and on nothing else."""

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from sslbench import cache_keys
from sslbench.cache_keys import digest, files_sha256, identity, source_sha256
from sslbench.cell import Choice
from sslbench.errors import BrokenPluginError
from sslbench.specs import Parameter

CODE = '''
"""A method."""

from other_plugin import helper  # the other one


class Method:
    """Estimate positions."""

    gain = 2
    """In no unit."""

    def locate(self, recording):
        """Return a prediction."""
        # Twice the helper.
        return self.gain * helper(recording)
'''


@pytest.fixture
def source(monkeypatch):
    """Hash the code of a target anew; each process does so once."""

    def go(target="some_plugin.main:Method"):
        cache_keys._source_sha256.cache_clear()
        return source_sha256(target)

    yield go
    cache_keys._source_sha256.cache_clear()
    cache_keys._plugin_packages.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write files of packages, and let all of them be plugins."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, text, path="main.py"):
        folder = tmp_path / name
        (folder / "sub").mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
        (folder / path).write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


@pytest.fixture
def plugins(monkeypatch):
    """Set the packages that entry points name."""

    def install(*names):
        points = [EntryPoint(name, f"{name}.plugin:hooks", "sslbench") for name in names]
        monkeypatch.setattr(cache_keys, "_entry_points", lambda: iter(points))
        cache_keys._plugin_packages.cache_clear()

    return install


def test_a_digest_does_not_depend_on_the_order_of_facts():
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_parameters_without_identity_do_not_count():
    parameters = (Parameter("n", 1, ""), Parameter("folder", "", "", identity=False))
    choice = Choice("x", {"n": 2, "folder": "/home"}, ("n", "folder"))
    assert identity(parameters, choice) == {"n": 2}


def test_a_neutral_parameter_counts_unless_it_has_its_default():
    parameters = (Parameter("n", 1, ""), Parameter("added", 0, "", neutral=True))
    assert identity(parameters, Choice("x", {"n": 1, "added": 0}, ())) == {"n": 1}
    assert identity(parameters, Choice("x", {"n": 1, "added": 2}, ())) == {"n": 1, "added": 2}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A method."""', '"""A method that is described in more words."""'),
        ('"""Estimate positions."""', ""),
        ('        """Return a prediction."""\n', ""),
        ('"""In no unit."""', '"""A factor."""'),
        ("# Twice the helper.", "# Two times the helper."),
        ("  # the other one", ""),
        ("self.gain * helper(recording)", "(self.gain\n            * helper(recording))"),
        ("\n\n\nclass", "\n\nclass"),
    ],
)
def test_rewording_leaves_the_source_unchanged(package, source, old, new):
    assert old in CODE
    package("some_plugin", CODE)
    before = source()
    package("some_plugin", CODE.replace(old, new))
    assert source() == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("gain = 2", "gain = 3"),
        ("self.gain * helper(recording)", "helper(recording) * self.gain"),
        ("class Method:", "class Method(object):"),
        ("gain", "factor"),
    ],
)
def test_changed_code_changes_the_source(package, source, old, new):
    package("some_plugin", CODE)
    before = source()
    package("some_plugin", CODE.replace(old, new))
    assert source() != before


def test_every_file_of_the_package_counts(package, source):
    package("some_plugin", CODE)
    seen = {source()}
    for text, path in [("x = 1", "sub/more.py"), (b"1", "weights.npz"), (b"2", "weights.npz")]:
        package("some_plugin", text, path)
        seen.add(source())
    assert len(seen) == 4


def test_compiled_files_do_not_count(package, source, tmp_path):
    package("some_plugin", CODE)
    before = source()
    (tmp_path / "some_plugin" / "__pycache__").mkdir()
    (tmp_path / "some_plugin" / "__pycache__" / "main.pyc").write_bytes(b"compiled")
    assert source() == before


def test_the_target_is_not_imported(package, source):
    package("some_plugin", CODE)
    source()
    assert "some_plugin.main" not in sys.modules


@pytest.mark.parametrize("statement", ["import other_plugin.sub", "from other_plugin import x"])
def test_the_code_of_an_imported_plugin_counts(package, source, plugins, statement):
    plugins("some_plugin", "other_plugin")
    package("some_plugin", f"def run():\n    {statement}\n")
    package("other_plugin", "x = 1")
    before = source()
    package("other_plugin", "x = 1  # one")
    assert source() == before
    package("other_plugin", "x = 2")
    assert source() != before


def test_the_code_of_a_plugin_that_is_imported_by_an_imported_one_counts(package, source, plugins):
    plugins("some_plugin", "other_plugin", "third_plugin")
    package("some_plugin", "import other_plugin")
    package("other_plugin", "import some_plugin, third_plugin")
    package("third_plugin", "x = 1")
    before = source()
    package("third_plugin", "x = 2")
    assert source() != before


def test_an_imported_package_that_is_not_a_plugin_does_not_count(package, source, plugins):
    plugins("some_plugin")
    package("some_plugin", "import library")
    package("library", "x = 1")
    before = source()
    package("library", "x = 2")
    assert source() == before


def test_a_plugin_that_is_not_imported_does_not_count(package, source, plugins):
    plugins("some_plugin", "other_plugin")
    package("some_plugin", "x = 1")
    package("other_plugin", "x = 1")
    before = source()
    package("other_plugin", "x = 2")
    assert source() == before


def test_the_version_of_the_core_stands_for_its_code(source, monkeypatch):
    before = source("sslbench.api:run")
    monkeypatch.setattr(cache_keys, "CORE_VERSION", cache_keys.CORE_VERSION + 1)
    assert source("sslbench.api:run") != before


def test_the_hash_of_files_is_byte_by_byte(package):
    package("some_plugin", CODE)
    before = files_sha256("some_plugin.main:Method")
    package("some_plugin", CODE + "# a comment")
    assert files_sha256("some_plugin.main:Method") != before


def test_a_package_that_is_not_installed_has_no_source(source):
    with pytest.raises(BrokenPluginError, match="no package 'gone_plugin'"):
        source("gone_plugin.main:Class")


def test_the_source_of_a_script_is_its_file(source, tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    module = ModuleType("__main__")
    module.__spec__, module.__file__ = None, str(script)
    monkeypatch.setitem(sys.modules, "__main__", module)
    script.write_text("1")
    before = source("__main__:Class")
    script.write_text("2")
    assert source("__main__:Class") != before
