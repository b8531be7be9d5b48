"""Rooms, source signals and rendered recordings; pyroomacoustics is the engine.

`synthesis` makes signals, `sources` hands out excerpts of them, `t60` turns reverberation times
into walls and back, `anechoic` and `reverberant` render. Nothing heavy is imported until it is
used.
"""
