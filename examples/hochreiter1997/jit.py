"""Compile the kernels of this example, which may allocate small arrays."""

import numba

# error_model: Python's error model adds a branch to every division.
kernel = numba.njit(cache=True, nogil=True, error_model="numpy")
