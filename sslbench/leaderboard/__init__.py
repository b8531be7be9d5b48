"""Leaderboards: committed records, the boards made of them, and whether the two agree.

`collect` puts records under the boards folder, `table` groups and ranks them, `render` writes the
boards and checks them for drift, `verify` computes the numbers again from committed answers.
"""
