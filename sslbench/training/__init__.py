"""Training: one loop for every learned method.

=================  =================================================================================
`learned`          `LearnedMethod`, the base class of localization methods that are networks
`trained_network`  `TrainedNetwork`, the base class of learned methods and of their trained parts
`loop`             the training loop, and the `Learner` that gives it a loss and a validation value
`examples`         scenes as arrays that are read when needed, and batches of them
`feature_cache`    examples that are computed once and kept on disk
`normalization`    mean and standard deviation of training inputs
`clips`            recordings in the sample rate and length of the training
`schedules`        learning rates as pure functions
`checkpoint`       the state from which an interrupted training resumes
`weights`          the files of a finished training, without pickle
`devices`          `auto`, `cpu` and `cuda`; precision and memory layout
=================  =================================================================================
"""
