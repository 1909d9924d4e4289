"""In training half of the sequences also have the gaps of another one, each time of another one.

So a network does not learn by heart what is filled in, and sees as many gaps as if there were more.
They come as gaps come in the data: at random, in stretches, in some channels only. The other one
has a similar target, because gaps may be what the target depends on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_SHARE = 0.5
_N_GROUPS = 10  # of similar targets, where there are no classes


class Lenders(NamedTuple):
    """Training samples in groups of similar targets."""

    samples: NDArray[np.int64]  # (n,): one group after another
    first: NDArray[np.int64]  # (n_all,): by sample, where its group begins
    size: NDArray[np.int64]  # (n_all,): and how large it is

    @classmethod
    def of(
        cls, samples: NDArray[np.int64], targets: NDArray, classes: NDArray | None, n_all: int
    ) -> Lenders:
        """Return the lenders among samples (n,) of so many.

        targets (n, n_targets); classes (n,): in place of them, if there are
        """
        if classes is None:
            rank = np.argsort(np.argsort(targets[:, 0], kind="stable"))
            classes = rank * _N_GROUPS // len(samples)
        order = np.argsort(classes, kind="stable")
        _, group, sizes = np.unique(classes, return_inverse=True, return_counts=True)
        first, size = np.zeros(n_all, np.int64), np.zeros(n_all, np.int64)
        first[samples], size[samples] = (np.cumsum(sizes) - sizes)[group], sizes[group]
        return cls(samples[order], first, size)

    def draw(self, samples: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Return whose gaps each of some samples (n,) has too: (n,), -1 for nobody's."""
        place = self.first[samples] + (rng.random(len(samples)) * self.size[samples]).astype(int)
        return np.where(rng.random(len(samples)) < _SHARE, self.samples[place], -1)
