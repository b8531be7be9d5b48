"""Checks of a data set: damaged files, and labels that contradict the audio."""
