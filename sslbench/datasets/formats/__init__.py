"""File formats: audio, array files, ground truth tables, YAML."""
