"""Parameters in the order in which kernels read them, and their gradient in the order of theta.

Both ways go by arrays of indices, in 32 bits so that they are read twice as fast.
"""

from __future__ import annotations

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
    """Add up the gradients of chunks, in their order.

    (in) chunks (n_chunks, n_values): packed gradients
    (in) places uint32 (n_parameters,): of each parameter in these
    (out) gradient (n_parameters or more,)
    """
    for j in range(places.size):
        place = places[j]
        total = chunks[0, place]
        for k in range(1, chunks.shape[0]):
            total += chunks[k, place]
        gradient[j] = total
