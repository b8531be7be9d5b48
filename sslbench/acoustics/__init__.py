"""Signal processing shared by methods: GCC-PHAT, its peaks, SRP-PHAT and resampling.

`gcc`, `peaks` and `srp` import torch, so code that only lists methods must not import them.
"""
