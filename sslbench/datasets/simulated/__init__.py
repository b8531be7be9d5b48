"""Data sets that are made on the spot: one file a suite, and what they share.

`base` says what a simulated data set is, `cache` keeps what was rendered. Every suite module has
its `NAME`, `VERSION`, `SIZES` and `PARAMETERS` beside the class and imports nothing heavy.
"""
