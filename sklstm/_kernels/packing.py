"""Parameters in the order in which kernels read them, and their gradient in the order of theta.

Both ways go by arrays of indices, in 32 bits so that they are read twice as fast.
"""

from __future__ import annotations

import numpy as np

from sklstm._kernels.jit import kernel


@kernel
def pack_parameters(extended, sources, packed):
    """Put parameters where other kernels read them.

    (in) extended (n_parameters + 1,): parameters and a zero, which fills up vectors
    (in) sources uint32 (n_packed,): the place of each value in `extended`
    (out) packed (n_packed,)
    """
    for j in range(sources.size):
        packed[j] = extended[sources[j]]


@kernel
def unpack_gradient(chunks, places, gradient):
    """Add up the gradients of chunks, in their order, and the squares of the sums.

    (in) chunks (n_chunks, n_values): packed gradients
    (in) places uint32 (n_parameters,): of each parameter in these
    (out) gradient (n_parameters or more,)
    returns the sum of the squares, in float64
    """
    # Each square waits for the one before, and meanwhile the processor finds the next values.
    squares = 0.0
    for j in range(places.size):
        place = places[j]
        total = chunks[0, place]
        for k in range(1, chunks.shape[0]):
            total += chunks[k, place]
        gradient[j] = total
        slope = np.float64(total)  # float() of a float32 would stay float32
        squares += slope * slope
    return squares
