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
            self._lay_out(batch.lengths)
            self._lengths = lengths
        n_rows = int(self._starts[-1])
        patched = np.zeros((n_rows * self._size, self._n_channels), batch.x.dtype)
        patched[self._places] = batch.x
        return PackedBatch(patched.reshape(n_rows, -1), self._starts, self._n_patches, batch.static)

    def _lay_out(self, lengths: NDArray[np.int64]) -> None:
        """Lay out the patches of a packed batch of sequences of these lengths, descending."""
        size = self._size
        self._n_patches = -(-lengths // size)
        self._starts = starts_of(self._n_patches)
        step, sequence = steps_and_sequences(lengths)
        patch, place = np.divmod(step + (self._n_patches * size - lengths)[sequence], size)
        # (n_rows,): where each step of the batch stands among those of all patches
        self._places = (self._starts[patch] + sequence) * size + place

    def backward(self, dx: NDArray) -> NDArray:
        """Return the gradient of the x that the last `forward` was given, in whole vectors.

        dx (n_patches, size * n_channels in whole vectors): the gradient of the patches
        """
        n = self._n_channels
        steps = dx[:, : self._size * n].reshape(-1, n)
        out = np.zeros((len(self._places), filled(n, self._lanes)), dx.dtype)
        out[:, :n] = steps[self._places]
        return out
