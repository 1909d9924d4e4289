"""Patches: consecutive steps of a packed batch that the recurrent layers read as one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sklstm._input.sequences import PackedBatch
from sklstm._network.convolutions import starts_of
from sklstm._network.packing import filled


class Patches:
    """Patches in the hands of one worker.

    A patch stacks `size` consecutive steps as channels. The first patch of a sequence is padded
    in front with zeros, so that the last patch ends with the last step.
    """

    def __init__(self, size: int, n_channels: int, lanes: int) -> None:
        self._size, self._n_channels, self._lanes = size, n_channels, lanes

    def forward(self, batch: PackedBatch) -> PackedBatch:
        """Return the batch in patches: x (n_patches, size * n_channels)."""
        size, lengths = self._size, batch.lengths
        n_patches = -(-lengths // size)
        first = starts_of(n_patches)
        step, sequence = np.nonzero(np.arange(lengths[0])[:, np.newaxis] < lengths)
        patch, place = np.divmod(step + (n_patches * size - lengths)[sequence], size)
        # (n_rows,): where each step of the batch stands among those of all patches
        self._places = (first[patch] + sequence) * size + place
        patched = np.zeros((int(first[-1]) * size, self._n_channels), batch.x.dtype)
        patched[self._places] = batch.x
        return PackedBatch(patched.reshape(int(first[-1]), -1), first, n_patches, batch.static)

    def backward(self, dx: NDArray) -> NDArray:
        """Return the gradient of the x that the last `forward` was given, in whole vectors.

        dx (n_patches, size * n_channels in whole vectors): the gradient of the patches
        """
        n = self._n_channels
        steps = dx[:, : self._size * n].reshape(-1, n)
        out = np.zeros((len(self._places), filled(n, self._lanes)), dx.dtype)
        out[:, :n] = steps[self._places]
        return out
