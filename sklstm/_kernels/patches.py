"""Patches: consecutive steps of a packed batch that the recurrent layers read as one.

A patch stacks `size` steps as channels. The first patch of a sequence is padded in front with
zeros, so that the last patch ends with the last step.
"""

from __future__ import annotations

from sklstm._kernels.jit import kernel


@kernel
def patch_forward(x, starts, lengths, size, patch_starts, patches):
    """Write the patches of a packed batch, as a packed batch.

    (in) x (n_rows, n_channels), starts (n_timesteps + 1,), lengths (n_sequences,): packed batch
    (out) patch_starts (most patches of a sequence + 1,): first row of every patch
    (out) patches (n_patches, size * n_channels)
    """
    n, n_live = x.shape[1], lengths.size
    patch_starts[0] = 0
    for p in range(patch_starts.size - 1):
        while lengths[n_live - 1] <= p * size:
            n_live -= 1
        patch_starts[p + 1] = patch_starts[p] + n_live
    for r in range(lengths.size):
        n_patches = (lengths[r] + size - 1) // size
        step = lengths[r] - n_patches * size  # below 0 for padding
        for p in range(n_patches):
            for column in range(0, size * n, n):
                for j in range(n):
                    value = x[starts[step] + r, j] if step >= 0 else x.dtype.type(0.0)
                    patches[patch_starts[p] + r, column + j] = value
                step += 1


@kernel
def patch_backward(dpatches, starts, lengths, size, patch_starts, n, dx):
    """Gradient of `patch_forward`.

    (in) dpatches (n_patches, size * n or more), starts, lengths, size, patch_starts
    (out) dx (n_rows, n or more): columns behind the n channels stay as they are
    """
    for r in range(lengths.size):
        n_patches = (lengths[r] + size - 1) // size
        step = lengths[r] - n_patches * size
        for p in range(n_patches):
            for column in range(0, size * n, n):
                if step >= 0:
                    for j in range(n):
                        dx[starts[step] + r, j] = dpatches[patch_starts[p] + r, column + j]
                step += 1
