"""Leaderboards: committed records, and the boards computed from them.

`records` adds and reads committed records, `board` groups and ranks them, `columns` and `render`
lay boards out and detect outdated files, `verify` recomputes all values from the committed
predictions, `rescore` updates records to the current metrics.
"""
