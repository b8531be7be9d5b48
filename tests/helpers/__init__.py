"""What several tests share."""

import os

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    # Set before numpy is imported. Otherwise the threads of several workers wait for each other.
    os.environ.setdefault(variable, "1")
