"""The errors that sslbench raises, and the exit code of each.

::

    SslbenchError                 1
    ├── CellError                 1   a method or a data set failed in one cell of a run
    ├── UsageError                2   the command line or a configuration is wrong
    │   ├── UnknownNameError      2   no method, data set, metric, ... of that name
    │   └── ParameterError        2   unknown parameter, wrong type, out of bounds
    ├── PluginError               3   a plugin cannot be used
    │   ├── BrokenPluginError     3   it failed to import or broke its contract
    │   └── DuplicateNameError    3   two distributions offer the same name
    ├── DataError                 4   data cannot be read or trusted
    │   ├── MissingDataError      4   the data set or file is not on this machine
    │   ├── FormatError           4   a file does not follow its format
    │   ├── GeometryError         4   microphone positions do not allow localization
    │   └── StoreError            4   a result cannot be written or read back
    └── LeaderboardError          5   boards and records are inconsistent

An interrupt (Ctrl-C) exits with 130 and is not an ``SslbenchError``.
"""

from __future__ import annotations

__all__ = [
    "BrokenPluginError",
    "CellError",
    "DataError",
    "DuplicateNameError",
    "FormatError",
    "GeometryError",
    "LeaderboardError",
    "MissingDataError",
    "ParameterError",
    "PluginError",
    "SslbenchError",
    "StoreError",
    "UnknownNameError",
    "UsageError",
]


class SslbenchError(Exception):
    """Report what is wrong, where, what was expected and what to do.

    Args:
        what: what is wrong, as one clause.
        where: the file, key, channel or cell concerned.
        expected: what would have been correct.
        hint: what the user can do about it.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", expected: str = "", hint: str = "") -> None:
        super().__init__(what, where, expected, hint)
        self.what = what
        self.where = where
        self.expected = expected
        self.hint = hint

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [head]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.hint:
            lines.append(f"  to do: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # With `-j N` exceptions are pickled, which would lose the keyword arguments.
        return _rebuild, (type(self), self.what, self.where, self.expected, self.hint)


def _rebuild(
    kind: type[SslbenchError], what: str, where: str, expected: str, hint: str
) -> SslbenchError:
    return kind(what, where=where, expected=expected, hint=hint)


class CellError(SslbenchError):
    """Raised when a method or a data set fails within one cell of a run."""


class UsageError(SslbenchError):
    """Raised when a command line or a configuration cannot be understood."""

    exit_code = 2


class UnknownNameError(UsageError):
    """Raised when nothing has the given name; the error suggests the most similar name."""


class ParameterError(UsageError):
    """Raised when a parameter is unknown, of the wrong type or out of bounds."""


class PluginError(SslbenchError):
    """Raised when a plugin cannot be used."""

    exit_code = 3


class BrokenPluginError(PluginError):
    """Raised when a plugin cannot be imported or breaks its contract."""


class DuplicateNameError(PluginError):
    """Raised when two distributions offer the same name."""


class DataError(SslbenchError):
    """Raised when data cannot be read or trusted."""

    exit_code = 4


class MissingDataError(DataError):
    """Raised when a data set or a file is not on this machine."""


class FormatError(DataError):
    """Raised when a file does not follow its format."""


class GeometryError(DataError):
    """Raised when microphone positions do not allow the requested localization."""


class StoreError(DataError):
    """Raised when a result cannot be written or read back."""


class LeaderboardError(SslbenchError):
    """Raised when boards and records are inconsistent."""

    exit_code = 5
