"""Finding plugins, resolving names, and saying which plugins are broken and why."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic

import pluggy

from sslbench import hookspecs
from sslbench.contracts import (
    AnySpec,
    DatasetSpec,
    ExecutorSpec,
    MethodSpec,
    MetricSpec,
    ProtocolSpec,
)
from sslbench.errors import BrokenPluginError, DuplicateNameError, PluginError, UnknownNameError

__all__ = ["Offer", "PluginReport", "Registry", "call_hooks", "load_target", "nearest"]

NAME = re.compile(r"[a-z0-9]+([-.][a-z0-9]+)*")
_LISTED = {
    "method": "methods",
    "data set": "datasets list",
    "metric": "metrics",
    "protocol": "protocols",
}
HEAVY = ("torch", "pyroomacoustics", "tensorflow", "jax")


@dataclass(frozen=True)
class Offer(Generic[AnySpec]):
    """A spec and who offers it.

    Args:
        spec: what is offered.
        plugin: name of the entry point.
        distribution: name and version of the installed package, `name version`.
    """

    spec: AnySpec
    plugin: str
    distribution: str


@dataclass(frozen=True)
class PluginReport:
    """What is known of one plugin after loading.

    Args:
        name: of the entry point.
        distribution: `name version`.
        error: why it cannot be used; empty if it can.
        warnings: what its author should change.
        offers: names it offers, by sort.
    """

    name: str
    distribution: str
    error: str = ""
    warnings: tuple[str, ...] = ()
    offers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Registry:
    """All that the installed plugins offer, by name.

    Use `Registry.installed()`; a registry with chosen entry points is for tests.

    Args:
        points: entry points to load, one by one; a broken one does not stop the rest.
        strict: whether a broken plugin is an error (``SSLBENCH_STRICT_PLUGINS=1``).

    Raises:
        BrokenPluginError: in strict mode, if a plugin is broken.
        DuplicateNameError: if two plugins offer the same name.
    """

    def __init__(self, points: Sequence[EntryPoint], *, strict: bool = False) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.methods: dict[str, Offer[MethodSpec]] = {}
        self.datasets: dict[str, Offer[DatasetSpec]] = {}
        self.metrics: dict[str, Offer[MetricSpec]] = {}
        self.protocols: dict[str, Offer[ProtocolSpec]] = {}
        self.executors: dict[str, Offer[ExecutorSpec]] = {}
        self.reports: list[PluginReport] = []
        for point in sorted(points, key=lambda p: (p.name, p.value)):
            self._load(point, strict)

    @classmethod
    def installed(cls) -> Registry:
        """Load what is installed; `broken` says what could not be."""
        strict = os.environ.get("SSLBENCH_STRICT_PLUGINS", "") not in {"", "0"}
        return cls(list(entry_points(group=hookspecs.PROJECT)), strict=strict)

    @property
    def broken(self) -> list[PluginReport]:
        """Plugins that could not be loaded."""
        return [report for report in self.reports if report.error]

    def method(self, name: str) -> Offer[MethodSpec]:
        """Find a method by name, or raise `UnknownNameError` with the nearest one."""
        return self._find("method", self.methods, name)

    def dataset(self, name: str) -> Offer[DatasetSpec]:
        """Find a data set by name, or raise `UnknownNameError` with the nearest one."""
        return self._find("data set", self.datasets, name)

    def metric(self, name: str) -> Offer[MetricSpec]:
        """Find a metric by name, or raise `UnknownNameError` with the nearest one."""
        return self._find("metric", self.metrics, name)

    def protocol(self, name: str) -> Offer[ProtocolSpec]:
        """Find a protocol by name, or raise `UnknownNameError` with the nearest one."""
        return self._find("protocol", self.protocols, name)

    def executor(self, name: str) -> Offer[ExecutorSpec]:
        """Find an executor by name, or raise `UnknownNameError` with the nearest one."""
        return self._find("executor", self.executors, name)

    def locate_data(self, dataset: str) -> Path | None:
        """Ask the plugins where a data set's folder is; None if none knows."""
        answers = call_hooks(self, "sslbench_locate_data", dataset=dataset)
        return next((Path(folder) for folder in answers if folder is not None), None)

    def _find(self, sort: str, table: Mapping[str, Offer[AnySpec]], name: str) -> Offer[AnySpec]:
        if name in table:
            return table[name]
        error = UnknownNameError(
            f"no {sort} is named {name!r}",
            expected=nearest(name, list(table)),
            hint=f"`sslbench {_LISTED.get(sort, 'plugins list')}` shows what there is",
        )
        if not self.broken:
            raise error
        # What was named may be what a broken plugin would have offered: that is exit code 3.
        names = ", ".join(f"{r.name} ({r.error})" for r in self.broken)
        raise PluginError(
            error.what, expected=error.expected, hint=f"a plugin could not be loaded: {names}"
        )

    def _load(self, point: EntryPoint, strict: bool) -> None:
        distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        report = PluginReport(point.name, distribution)
        before = {name for name in HEAVY if name in sys.modules}
        try:
            offers = self._register(point, distribution)
        except DuplicateNameError:
            raise
        except (Exception, SystemExit) as error:  # whatever a stranger's module may raise
            report = replace(report, error=f"{type(error).__name__}: {_first_line(error)}")
            if strict:
                raise BrokenPluginError(
                    report.error, where=f"plugin {point.name!r} of {distribution}"
                ) from error
        else:
            report = replace(report, offers=offers)
        heavy = [name for name in HEAVY if name in sys.modules and name not in before]
        warnings = tuple(
            f"imports {name} when it is listed; name the class by a lazy target instead"
            for name in heavy
        )
        self.reports.append(replace(report, warnings=warnings))

    def _register(self, point: EntryPoint, distribution: str) -> dict[str, tuple[str, ...]]:
        plugin = point.load()
        tables: tuple[tuple[str, type[Any], dict[str, Offer[Any]]], ...] = (
            ("methods", MethodSpec, self.methods),
            ("datasets", DatasetSpec, self.datasets),
            ("metrics", MetricSpec, self.metrics),
            ("protocols", ProtocolSpec, self.protocols),
            ("executors", ExecutorSpec, self.executors),
        )
        # All or nothing: a plugin that breaks halfway must leave neither names nor observers.
        found: dict[str, list[Any]] = {}
        for sort, kind, _ in tables:
            hook: Callable[[], Sequence[Any]] | None = getattr(plugin, f"sslbench_{sort}", None)
            found[sort] = [_checked(spec, kind, sort) for spec in hook()] if hook else []
        self._register_hooks(plugin, f"{distribution}:{point.name}")
        for sort, _, table in tables:
            for spec in found[sort]:
                _claim(table, Offer(spec, point.name, distribution), sort)
        return {sort: tuple(spec.name for spec in specs) for sort, specs in found.items() if specs}

    def _register_hooks(self, plugin: Any, name: str) -> None:
        try:
            self.manager.register(plugin, name=name)
            self.manager.check_pending()
        except pluggy.PluginValidationError:
            self.manager.unregister(plugin)
            raise


def _checked(spec: Any, kind: type[Any], sort: str) -> Any:
    if not isinstance(spec, kind):
        raise BrokenPluginError(f"sslbench_{sort} offers {spec!r}", expected=f"a {kind.__name__}")
    if not NAME.fullmatch(spec.name):
        raise BrokenPluginError(
            f"{spec.name!r} is no name", expected="lower-case words joined by hyphens"
        )
    if not isinstance(spec, ProtocolSpec) and ":" not in spec.target:
        raise BrokenPluginError(
            f"{spec.name}: target {spec.target!r}", expected='"package.module:Class"'
        )
    return spec


def _claim(table: dict[str, Offer[Any]], offer: Offer[Any], sort: str) -> None:
    other = table.setdefault(offer.spec.name, offer)
    if other is not offer:
        raise DuplicateNameError(
            f"{offer.spec.name!r} is offered twice among the {sort}",
            where=f"{other.distribution} (plugin {other.plugin}) and "
            f"{offer.distribution} (plugin {offer.plugin})",
            hint="uninstall one of the two, or rename one",
        )


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")


def call_hooks(registry: Registry, hook: str, **facts: object) -> list[Any]:
    """Call every implementation of a hook; one that raises is reported and left out."""
    answers: list[Any] = []
    for plugin in reversed(getattr(registry.manager.hook, hook).get_hookimpls()):
        try:
            answers.append(plugin.function(*(facts[name] for name in plugin.argnames)))
        except Exception as error:  # noqa: BLE001  # whatever a stranger's plugin may raise
            print(  # noqa: T201  # its fault must not be silent, and must not stop a run
                f"sslbench: plugin {plugin.plugin_name} raised in {hook}: "
                f"{type(error).__name__}: {error}",
                file=sys.stderr,
            )
    return answers


def load_target(target: str, where: str) -> Any:
    """Import what a lazy target ``"package.module:Name"`` names.

    Raises:
        BrokenPluginError: if the module cannot be imported or has no such name.
    """
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        raise BrokenPluginError(
            f"{target} cannot be imported: {type(error).__name__}: {_first_line(error)}",
            where=where,
            hint="reinstall the package that offers it, with what it needs",
        ) from error


def nearest(name: str, names: Sequence[str]) -> str:
    """Say which of the valid names is meant, for an error message."""
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return "perhaps " + " or ".join(close)
    return "one of " + ", ".join(sorted(names)) if names else "nothing: none is installed"
