"""NGCC-PHAT (Berg et al., Interspeech 2022): a learned estimator of delays between microphones.

It is no method, but a part of methods: `MethodSpec.parts` names it by
``sslbench_ngcc.part:NgccPhat``, and the methods call `NgccPhat.delays`.
"""

from __future__ import annotations

__all__: list[str] = []
