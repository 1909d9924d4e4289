"""How the kernels of this example are compiled: they make small arrays of their own."""

import numba

# error_model: the Python model puts a branch into every division.
kernel = numba.njit(cache=True, nogil=True, error_model="numpy")
