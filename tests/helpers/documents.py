"""The snippets of the documentation: reading them from Markdown.

Comments in the source of a page say what a test does with the fenced block below them, or with the
row of a table that they stand in:

=========================  ==================================================================
`<!-- file: NAME -->`      the block is the content of a file, which later blocks use
`<!-- slow: REASON -->`    the block takes more than some seconds; slow tests run it
`<!-- not run: REASON -->` the block cannot run in a test; its commands must exist all the same
=========================  ==================================================================
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ALL_PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [page for page in ALL_PAGES if page.name != "learned-methods.md"]
"""Pages whose snippets run one after the other; that one has parts of a class, which
`tests/training/test_learned_page.py` compares with code that is tested."""

MARKS = ("file", "slow", "not run")
MARK = re.compile(rf"<!-- ({'|'.join(MARKS)}): (.+?) -->")
FENCE = re.compile(r"^```(\w*)$")
CODE = re.compile(r"`([^`]+)`")
COMMAND = re.compile(r"(\w+=\S+ )*sslbench [a-z]")
RUN = ("console", "python")


@dataclass(frozen=True)
class Snippet:
    """A fenced block, or a command in a row of a table.

    Args:
        page: path of the page.
        line: of its first line, from 1.
        language: after the fence; `console` for a command in a table.
        text: its content.
        marks: texts of the comments above it, by `MARKS`.
    """

    page: Path
    line: int
    language: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def runs(self) -> bool:
        """Whether a test can run it."""
        return self.language in RUN and not {"file", "not run"} & set(self.marks)


def snippets(page: Path) -> list[Snippet]:
    """Return the fenced blocks of a page and the commands in its tables, in order."""
    found: list[Snippet] = []
    marks: dict[str, str] = {}
    block: list[str] | None = None
    language, first = "", 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if block is not None:
            if line == "```":
                found.append(Snippet(page, first, language, "\n".join(block) + "\n", marks))
                block, marks = None, {}
            else:
                block.append(line)
        elif fence := FENCE.match(line):
            block, language, first = [], fence[1], number + 1
        elif line.startswith("|"):
            found += _in_row(page, number, line)
        elif here := dict(MARK.findall(line)):
            marks |= here
        elif line.strip():
            marks = {}
    return found


def _in_row(page: Path, number: int, line: str) -> list[Snippet]:
    marks = dict(MARK.findall(line))
    return [
        Snippet(page, number, "console", f"$ {code}\n", marks)
        for code in CODE.findall(line)
        if COMMAND.match(code)
    ]


def typed(snippet: Snippet) -> list[str]:
    """Return the command lines of a console block; a line that ends in `\\` goes on.

    >>> typed(Snippet(Path(), 1, "console", "$ one \\\\\\n    two\\noutput\\n$ three\\n"))
    ['one two', 'three']
    """
    joined = re.sub(r"\s*\\\n\s*", " ", snippet.text)
    return [line[2:].strip() for line in joined.splitlines() if line.startswith("$ ")]
