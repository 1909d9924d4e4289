"""Patches: consecutive steps of a packed batch that the recurrent layers read as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import PackedBatch, steps_and_sequences
from sklstm._network.convolutions import starts_of
from sklstm._network.packing import filled


class Patches:
    """Patches in the hands of one worker.

    A patch stacks `size` consecutive steps as channels. The first patch of a sequence is padded
    in front with zeros, so that the last patch ends with the last step.
    """

    def __init__(self, size: int, n_channels: int, lanes: int) -> None:
        self._size, self._n_channels, self._lanes = size, n_channels, lanes
        self._lengths = b""  # for which the patches below are laid out

    def forward(self, batch: PackedBatch) -> PackedBatch:
        """Return the batch in patches: x (n_patches, size * n_channels)."""
        lengths = batch.lengths.tobytes()
        if lengths != self._lengths:
            self._lay_out(batch)
            self._lengths = lengths
        patched = batch.x.take(self._rows, axis=0, mode="clip")
        patched[self._padding] = 0.0
        x = patched.reshape(-1, self._size * self._n_channels)
        return PackedBatch(x, self._starts, self._n_patches, batch.static)

    def _lay_out(self, batch: PackedBatch) -> None:
        """Lay out the patches of a packed batch."""
        size, lengths = self._size, batch.lengths
        self._n_patches = -(-lengths // size)
        self._starts = starts_of(self._n_patches)
        patch, sequence = steps_and_sequences(self._n_patches)
        first = patch * size - (self._n_patches * size - lengths)[sequence]
        steps = np.add.outer(first, np.arange(size))  # (n_patches, size): below 0 for padding
        rows = batch.starts[np.maximum(steps, 0)] + sequence[:, np.newaxis]
        # of each step of all patches: its row in the batch, and which of them are padding
        self._rows, self._padding = rows.ravel(), np.flatnonzero(steps < 0)

    def backward(self, dx: NDArray) -> NDArray:
        """Return the gradient of the x that the last `forward` was given, in whole vectors.

        dx (n_patches, size * n_channels in whole vectors): the gradient of the patches
        """
        n = self._n_channels
        steps = dx[:, : self._size * n].reshape(-1, n)
        rows = np.delete(self._rows, self._padding)
        out = np.zeros((len(rows), filled(n, self._lanes)), dx.dtype)
        out[rows, :n] = np.delete(steps, self._padding, axis=0)
        return out
