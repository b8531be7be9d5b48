"""Protocols: named sets of rules by which answers become numbers.

The conventions of the literature differ and decide the score, so every number says under which it
was computed, and boards never mix two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sslbench.contracts import MetricSpec
from sslbench.errors import UnknownNameError
from sslbench.registry import nearest
from sslbench.scene import Kind

__all__ = ["DEFAULT_PROTOCOL", "PROTOCOLS", "Protocol", "find_protocol"]

DEFAULT_PROTOCOL = "sslbench"


@dataclass(frozen=True)
class Protocol:
    """Which metrics are computed.

    Args:
        name: by which it is chosen.
        summary: one line.
        metrics: names of its metrics; none means all that are installed.
    """

    name: str
    summary: str
    metrics: tuple[str, ...] = ()

    def select(self, specs: Iterable[MetricSpec], kind: Kind) -> list[MetricSpec]:
        """Return those of the metrics that belong to it and can compare the kind, by name."""
        fitting = (spec for spec in specs if kind in spec.kinds)
        return sorted(
            (spec for spec in fitting if not self.metrics or spec.name in self.metrics),
            key=lambda spec: spec.name,
        )


PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {
        DEFAULT_PROTOCOL: Protocol(
            DEFAULT_PROTOCOL,
            "All installed metrics; answers paired frame by frame without a gate",
        )
    }
)


def find_protocol(name: str) -> Protocol:
    """Return a protocol by name.

    Raises:
        UnknownNameError: if there is none of that name; it gives the nearest one.
    """
    if name not in PROTOCOLS:
        raise UnknownNameError(
            f"no protocol is named {name!r}", expected=nearest(name, list(PROTOCOLS))
        )
    return PROTOCOLS[name]
