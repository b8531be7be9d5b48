"""Classical methods."""
