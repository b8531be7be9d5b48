"""Simulated data sets, one module each, and their common base.

`base` defines what a simulated data set is, and `cache` stores rendered audio. The modules of the
data sets are imported for listings, so they must not import large libraries at the top.
"""
