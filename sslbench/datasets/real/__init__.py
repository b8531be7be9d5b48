"""Loaders of real recordings, one data set per module."""
