"""Finding plugins, resolving names, and reporting which plugins are broken and why."""

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
from typing import Any, Generic, TypeVar

import pluggy

from sslbench import hookspecs
from sslbench.errors import BrokenPluginError, DuplicateNameError, PluginError, UnknownNameError
from sslbench.specs import (
    AlterationSpec,
    ClassSpec,
    DatasetSpec,
    ExecutorSpec,
    MethodSpec,
    MetricSpec,
    ProtocolSpec,
    Spec,
    TrackerSpec,
)

__all__ = [
    "KINDS",
    "Offer",
    "PluginKind",
    "PluginReport",
    "Registry",
    "call_hooks",
    "load_class",
    "load_target",
    "nearest",
]

AnySpec = TypeVar("AnySpec", bound=Spec)
AnyClass = TypeVar("AnyClass")

NAME = re.compile(r"[a-z0-9]+([-._][a-z0-9]+)*")
HEAVY = ("torch", "pyroomacoustics", "tensorflow", "jax")


@dataclass(frozen=True)
class PluginKind:
    """A kind of things that plugins offer.

    Args:
        spec: the class of its specs.
        noun: what one is called in messages.
        plural: the name of the hook that offers them, after ``sslbench_``.
        command: the command that lists them.
    """

    spec: type[Spec]
    noun: str
    plural: str
    command: str = "plugins list"

    @property
    def hook(self) -> str:
        """Name of the hook that offers them."""
        return f"sslbench_{self.plural}"


KINDS = (
    PluginKind(MethodSpec, "method", "methods", "methods"),
    PluginKind(DatasetSpec, "data set", "datasets", "datasets list"),
    PluginKind(MetricSpec, "metric", "metrics", "metrics"),
    PluginKind(ProtocolSpec, "protocol", "protocols", "protocols"),
    PluginKind(AlterationSpec, "alteration", "alterations", "alterations"),
    PluginKind(TrackerSpec, "tracker", "trackers", "trackers"),
    PluginKind(ExecutorSpec, "executor", "executors"),
)
"""All kinds. A new kind is one line here and one hook in `sslbench.hookspecs`."""


@dataclass(frozen=True)
class Offer(Generic[AnySpec]):
    """A spec and the plugin that offers it.

    Args:
        spec: what is offered.
        plugin: name of the entry point.
        distribution: name and version of the installed package, `name version`.
    """

    spec: AnySpec
    plugin: str
    distribution: str

    def __str__(self) -> str:
        return f"{self.spec.name} (plugin {self.plugin} of {self.distribution})"


@dataclass(frozen=True)
class PluginReport:
    """What is known of one plugin after loading.

    Args:
        name: of the entry point.
        distribution: `name version`.
        error: why it cannot be used; empty if it can.
        warnings: what its author should change.
        offers: names it offers, by the plural of the kind.
    """

    name: str
    distribution: str
    error: str = ""
    warnings: tuple[str, ...] = ()
    offers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Registry:
    """All that the installed plugins offer, in one table by kind and name.

    Use `Registry.installed()`; a registry with chosen entry points is for tests.

    Args:
        points: entry points to load one by one; a broken one does not affect the others.
        strict: whether a broken plugin is an error (``SSLBENCH_STRICT_PLUGINS=1``).

    Raises:
        BrokenPluginError: in strict mode, if a plugin is broken.
        DuplicateNameError: if two plugins offer the same name.
    """

    def __init__(self, points: Sequence[EntryPoint], *, strict: bool = False) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self._offers: dict[type[Spec], dict[str, Offer[Any]]] = {kind.spec: {} for kind in KINDS}
        self.reports: list[PluginReport] = []
        for point in sorted(points, key=lambda p: (p.name, p.value)):
            self._load(point, strict)

    @classmethod
    def installed(cls) -> Registry:
        """Load the installed plugins; `broken` lists those that failed."""
        strict = os.environ.get("SSLBENCH_STRICT_PLUGINS", "") not in {"", "0"}
        return cls(list(entry_points(group=hookspecs.PROJECT)), strict=strict)

    @property
    def broken(self) -> list[PluginReport]:
        """Plugins that could not be loaded."""
        return [report for report in self.reports if report.error]

    def table(self, spec: type[AnySpec]) -> dict[str, Offer[AnySpec]]:
        """Return everything of a kind by name, such as `table(MethodSpec)`."""
        return self._offers[spec]

    def find(self, spec: type[AnySpec], name: str) -> Offer[AnySpec]:
        """Find something by kind and name, such as `find(MethodSpec, "srp-phat")`.

        Raises:
            UnknownNameError: if there is nothing of that name; it gives the nearest names.
            PluginError: if a broken plugin might have offered it.
        """
        table = self.table(spec)
        if name in table:
            return table[name]
        kind = next(kind for kind in KINDS if kind.spec is spec)
        error = UnknownNameError(
            f"no {kind.noun} is named {name!r}",
            expected=nearest(name, list(table)),
            hint=f"`sslbench {kind.command}` lists all",
        )
        if not self.broken:
            raise error
        # The name may be one that a broken plugin would have offered: that is exit code 3.
        names = ", ".join(f"{r.name} ({r.error})" for r in self.broken)
        raise PluginError(
            error.what, expected=error.expected, hint=f"a plugin could not be loaded: {names}"
        )

    def locate_data(self, dataset: str) -> Path | None:
        """Return the folder of a data set, from the first plugin that knows it; else None."""
        folders = call_hooks(self, "sslbench_locate_data", dataset=dataset)
        return next((Path(folder) for folder in folders if folder is not None), None)

    def _load(self, point: EntryPoint, strict: bool) -> None:
        distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "unknown"
        report = PluginReport(point.name, distribution)
        before = {name for name in HEAVY if name in sys.modules}
        try:
            offers = self._register(point, distribution)
        except DuplicateNameError:
            raise
        except (Exception, SystemExit) as error:  # a third-party module may raise anything
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
        # All or nothing: a plugin that fails halfway must leave neither names nor observers.
        found = {kind: _offered(plugin, kind) for kind in KINDS}
        self._register_hooks(plugin, f"{distribution}:{point.name}")
        for kind, specs in found.items():
            for spec in specs:
                self._add(kind, Offer(spec, point.name, distribution))
        return {
            kind.plural: tuple(spec.name for spec in specs)
            for kind, specs in found.items()
            if specs
        }

    def _register_hooks(self, plugin: Any, name: str) -> None:
        try:
            self.manager.register(plugin, name=name)
            self.manager.check_pending()
        except pluggy.PluginValidationError:
            self.manager.unregister(plugin)
            raise

    def _add(self, kind: PluginKind, offer: Offer[Spec]) -> None:
        other = self._offers[kind.spec].setdefault(offer.spec.name, offer)
        if other is not offer:
            raise DuplicateNameError(
                f"two {kind.plural} are named {offer.spec.name!r}",
                where=f"{other.distribution} (plugin {other.plugin}) and "
                f"{offer.distribution} (plugin {offer.plugin})",
                hint="uninstall one of the two packages, or rename one",
            )


def _offered(plugin: Any, kind: PluginKind) -> list[Spec]:
    hook: Callable[[], Sequence[Any]] | None = getattr(plugin, kind.hook, None)
    return [_checked(spec, kind) for spec in hook()] if hook else []


def _checked(spec: Any, kind: PluginKind) -> Spec:
    if not isinstance(spec, kind.spec):
        raise BrokenPluginError(f"{kind.hook} returns {spec!r}", expected=f"a {kind.spec.__name__}")
    if not NAME.fullmatch(spec.name):
        raise BrokenPluginError(
            f"{spec.name!r} is not a valid name", expected="lower-case words joined by hyphens"
        )
    if isinstance(spec, ClassSpec) and ":" not in spec.target:
        raise BrokenPluginError(
            f"{spec.name}: target {spec.target!r}", expected='"package.module:Class"'
        )
    return spec


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "")


def call_hooks(registry: Registry, hook: str, **arguments: object) -> list[Any]:
    """Call every implementation of a hook; one that raises is reported and left out."""
    results: list[Any] = []
    for plugin in reversed(getattr(registry.manager.hook, hook).get_hookimpls()):
        try:
            results.append(plugin.function(*(arguments[name] for name in plugin.argnames)))
        except Exception as error:  # noqa: BLE001  # a third-party plugin may raise anything
            print(  # noqa: T201  # reported, but it must not stop a run
                f"sslbench: plugin {plugin.plugin_name} raised in {hook}: "
                f"{type(error).__name__}: {error}",
                file=sys.stderr,
            )
    return results


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
            hint="reinstall the package that offers it, with its dependencies",
        ) from error


def load_class(
    target: str, expected: type[AnyClass], where: str, /, *args: object, **params: object
) -> AnyClass:
    """Construct the class of a lazy target and check what came of it.

    Raises:
        BrokenPluginError: if it cannot be imported or is not of the expected class.
    """
    made = load_target(target, where)(*args, **params)
    if not isinstance(made, expected):
        raise BrokenPluginError(
            f"{target} is not a {expected.__name__}",
            where=where,
            expected="the class that the spec promises",
        )
    return made


def nearest(name: str, names: Sequence[str]) -> str:
    """Return the valid names that are nearest to a wrong one, for an error message."""
    close = get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return "perhaps " + " or ".join(close)
    if len(names) > 12:
        return f"one of {', '.join(sorted(names)[:12])}, and {len(names) - 12} more"
    return "one of " + ", ".join(sorted(names)) if names else "nothing: none is installed"
