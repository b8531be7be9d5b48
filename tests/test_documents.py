"""The documentation: its commands and snippets run, and what it names exists.

`helpers.documents` says how a page marks the snippets that are files, slow, or not run.
"""

import doctest
import importlib
import re

import click
import pytest
import torch

import sslbench
from helpers.documents import ALL_PAGES, PAGES, ROOT, snippets, typed
from helpers.terminal import Terminal
from sslbench import hookspecs
from sslbench.cli import sslbench as command_line
from sslbench.errors import UsageError
from sslbench.registry import Registry
from sslbench.selection import select_datasets, select_methods

DOCUMENTS = [*ALL_PAGES, ROOT / "CONTRIBUTING.md", ROOT / "tests" / "thirdparty" / "README.md"]
TYPED = re.compile(
    r"(?:\$ |`|&& |\w=\S+ |bin/|^    )sslbench ([a-z].*?)(?:`|$|&&| #)", re.MULTILINE
)
LANGUAGES = {"console", "python", "text"}


def _name(page):
    return str(page.relative_to(ROOT))


def _commands():
    for page in DOCUMENTS:
        text = re.sub(r"\s*\\\n\s*", " ", page.read_text(encoding="utf-8"))
        for command in dict.fromkeys(TYPED.findall(text)):
            yield pytest.param(command, id=f"{_name(page)}: {command[:50]}")


@pytest.mark.parametrize("typed_command", list(_commands()))
def test_a_command_exists_with_its_options(typed_command):
    words = re.sub(r"'[^']*'", "x", typed_command).split()
    context = click.Context(command_line)
    command = command_line
    while isinstance(command, click.Group) and words:
        name = words.pop(0)
        command = command.get_command(context, name)
        assert command is not None, f"there is no command {name}"
    known = {option for parameter in command.params for option in parameter.opts}
    known |= {option for parameter in command.params for option in parameter.secondary_opts}
    assert {word.split("=")[0] for word in words if word.startswith("-")} <= known


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_a_block_is_run_or_marked(page):
    unmarked = [each for each in snippets(page) if not each.marks]
    assert [str(each) for each in unmarked if each.language not in LANGUAGES] == []


@pytest.fixture
def terminal(tmp_path, tmp_path_factory, monkeypatch):
    """Return a terminal in an empty folder, whose store has no runs.

    Trainings and predictions are shared with the other pages, so that none is made twice.
    """
    shared = tmp_path_factory.getbasetemp() / "documentation"
    store = tmp_path / "store"
    for stage in ("train", "predict", "cost"):
        (shared / stage).mkdir(parents=True, exist_ok=True)
        store.mkdir(exist_ok=True)
        (store / stage).symlink_to(shared / stage)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.setenv("SSLBENCH_STORE", str(store))
    monkeypatch.setenv("SSLBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("COLUMNS", raising=False)
    # Boards take runs of committed code only, and this checkout may have changes.
    monkeypatch.setattr("sslbench.running.environment._git", lambda *_: "")
    monkeypatch.chdir(folder)
    # More threads than free cores make small networks and arrays many times slower.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    opened = Terminal(folder)
    yield opened
    opened.close()
    torch.set_num_threads(threads)


def _has(page, *, slow):
    return any(each.runs and ("slow" in each.marks) == slow for each in snippets(page))


def _run_page(page, terminal, *, slow):
    names = {"__name__": "page"}
    for snippet in snippets(page):
        if "file" in snippet.marks:
            terminal.write(snippet.marks["file"], snippet.text)
        elif not snippet.runs or ("slow" in snippet.marks and not slow):
            continue
        elif snippet.language == "python":
            code = "\n" * (snippet.line - 1) + snippet.text
            exec(compile(code, str(page), "exec"), names)
        else:
            for line in typed(snippet):
                terminal.type(line)


@pytest.mark.parametrize("page", [p for p in PAGES if _has(p, slow=False)], ids=_name)
def test_the_snippets_of_a_page_run(page, terminal):
    _run_page(page, terminal, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if _has(p, slow=True)], ids=_name)
def test_the_slow_snippets_of_a_page_run(page, terminal):
    _run_page(page, terminal, slow=True)


def _modules_with_examples():
    for root in (ROOT, ROOT / "plugins", ROOT / "tests"):
        for path in sorted([*root.glob("sslbench*/**/*.py"), *root.glob("helpers/*.py")]):
            if ">>> " in path.read_text(encoding="utf-8"):
                yield ".".join(path.relative_to(root).with_suffix("").parts)


@pytest.mark.parametrize("module", list(_modules_with_examples()))
def test_the_examples_of_a_module_are_true(module):
    tested = doctest.testmod(importlib.import_module(module))
    assert tested.attempted > 0
    assert tested.failed == 0


@pytest.mark.parametrize("page", DOCUMENTS, ids=_name)
def test_a_link_leads_to_a_file_and_a_heading(page):
    for link in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


def _anchors(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def _selections():
    for page in ALL_PAGES:
        text = page.read_text(encoding="utf-8")
        for selection in sorted(set(re.findall(r"`'([^'`]+)'`", text))):
            yield pytest.param(selection, id=f"{_name(page)}: {selection}")


@pytest.mark.parametrize("selection", list(_selections()))
def test_a_selection_in_a_document_selects_something(selection):
    registry = Registry.installed()
    try:
        assert select_methods(registry, [selection])
    except UsageError:
        assert select_datasets(registry, [selection])


def _dotted_names():
    for page in DOCUMENTS:
        text = page.read_text(encoding="utf-8")
        for name in sorted(set(re.findall(r"`(sslbench(?:_[a-z0-9]+)?(?:\.\w+)+)(?:\(|`)", text))):
            yield pytest.param(name, id=f"{_name(page)}: {name}")


@pytest.mark.parametrize("name", list(_dotted_names()))
def test_a_dotted_name_exists(name):
    parts = name.split(".")
    found = importlib.import_module(parts[0])
    for index, part in enumerate(parts[1:], start=1):
        if not hasattr(found, part):
            importlib.import_module(".".join(parts[: index + 1]))
        found = getattr(found, part)


@pytest.mark.parametrize("page", DOCUMENTS, ids=_name)
def test_a_path_in_the_repository_exists(page):
    text = page.read_text(encoding="utf-8")
    paths = re.findall(r"`((?:sslbench|plugins|tests|docs|benchmarks)/[\w./-]*)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_a_module_on_the_architecture_page_exists():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = re.findall(r"`([\w/]+\.py)`", text)
    known = [
        name for name in names for root in (ROOT, ROOT / "sslbench") if (root / name).is_file()
    ]
    assert sorted(set(names) - set(known)) == []


def test_the_python_page_documents_every_public_name():
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    documented = re.findall(r"^#+ `(\w+)|^\| `(\w+)", text, re.MULTILINE)
    assert {name for pair in documented for name in pair} >= set(sslbench.__all__)


def test_the_plugin_page_names_every_hook():
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    hooks = [name for name in vars(hookspecs) if name.startswith("sslbench_")]
    assert [name for name in hooks if f"`{name}`" not in text] == []


def test_the_architecture_page_lists_every_module():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`(\w+(?:\.py|/))`", text))
    core = [path for path in (ROOT / "sslbench").iterdir() if not path.name.startswith("__")]
    expected = {f"{path.name}/" if path.is_dir() else path.name for path in core}
    assert expected - {"py.typed"} <= listed


def test_the_running_page_names_every_environment_variable():
    text = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    code = "\n".join(path.read_text() for path in (ROOT / "sslbench").rglob("*.py"))
    assert set(re.findall(r"SSLBENCH_[A-Z_]+", code)) <= set(re.findall(r"`(SSLBENCH_\w+)`", text))


def test_the_readme_has_the_two_commands_that_the_check_scripts_type():
    first, second = re.findall(r"^    \$ (.*)$", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE)
    assert first.startswith("python3 -m venv")
    assert second.endswith("pytest -n logical")
    # Option values are on the same line: the scripts type one line.
    words = first.partition("bin/sslbench run ")[2].split()
    run = command_line.get_command(click.Context(command_line), "run")
    options, rest, _ = run.make_parser(click.Context(run)).parse_args(words)
    assert len(options["method"]) == 4
    assert options["dataset"] == ["feng2025-l1"]
    assert not rest


def test_the_excerpt_in_the_readme_is_from_the_leaderboard():
    board = (ROOT / "leaderboards" / "boards" / "feng2025-l1-test-quick-feng2025.md").read_text()
    rows = [{cell.strip() for cell in line.split("|")} for line in board.splitlines()]
    excerpt = next(each for each in snippets(PAGES[0]) if each.language == "text")
    title, *lines = [line for line in excerpt.text.splitlines() if line.strip(" -")]
    assert board.startswith(f"# {title}\n")
    for line in lines:
        cells = set(re.split(r" {2,}", line.strip()))
        assert any(cells <= row for row in rows), line
