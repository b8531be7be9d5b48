"""Plots, made with matplotlib if it is installed."""
