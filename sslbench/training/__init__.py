"""Training: one loop for every learned method.

===============  ===================================================================================
`learned`        `LearnedMethod`, what a learned method extends
`loop`           the loop itself: `train`, and what it asks of a `Learner`
`examples`       scenes as tensors, read when needed
`feature_cache`  examples that are made once and kept on disk
`schedules`      learning rates as pure functions
`checkpoint`     what an interrupted training goes on from
`weights`        what a finished training leaves, without pickle
`devices`        `auto`, `cpu`, `cuda`
===============  ===================================================================================
"""
