"""The checks of `sslbench datasets check`: damaged files, and labels that do not fit the audio."""
