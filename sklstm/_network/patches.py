"""Patches in the hands of one worker, see the kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import PackedBatch
from sklstm._kernels.patches import patch_backward, patch_forward
from sklstm._network.packing import filled


class Patches:
    """Patches of `size` steps."""

    def __init__(self, size: int, n_channels: int, lanes: int) -> None:
        self._size, self._n_channels, self._lanes = size, n_channels, lanes
        self._batch: PackedBatch
        self._starts: NDArray[np.int64]  # of the patches

    def forward(self, batch: PackedBatch) -> PackedBatch:
        """Return the batch in patches: x (n_patches, size * n_channels)."""
        n_patches = -(-batch.lengths // self._size)
        self._batch, self._starts = batch, np.empty(n_patches[0] + 1, np.int64)
        x = np.empty((n_patches.sum(), self._size * self._n_channels), batch.x.dtype)
        patch_forward(batch.x, batch.starts, batch.lengths, self._size, self._starts, x)
        return PackedBatch(x, self._starts, n_patches, batch.static)

    def backward(self, dx: NDArray) -> NDArray:
        """Return the gradient of the x that the last `forward` was given, in whole vectors.

        dx (n_patches, size * n_channels in whole vectors): the gradient of the patches
        """
        n, batch = self._n_channels, self._batch
        out = np.zeros((len(batch.x), filled(n, self._lanes)), dx.dtype)
        patch_backward(dx, batch.starts, batch.lengths, self._size, self._starts, n, out)
        return out
