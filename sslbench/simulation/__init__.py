"""Acoustic simulation: source signals, room impulse responses and rendering.

`synthesis` generates signals and `sources` cuts excerpts from them. `t60` converts between
reverberation times and wall absorption. `anechoic` renders free-field recordings; `reverberant` and
`tail` compute impulse responses of rooms. Results match pyroomacoustics. Large libraries are
imported only when they are used.
"""
