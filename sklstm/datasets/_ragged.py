"""Sequences of random length: drawn as one padded array, then cut to their lengths."""

import numpy as np


def draw_lengths(n_samples: int, min_length: int, rng: np.random.RandomState) -> np.ndarray:
    """Draw lengths uniformly between T and T + T/10, as in the 1997 paper."""
    return rng.randint(min_length, min_length + min_length // 10 + 1, size=n_samples)


def unpad(padded: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """Cut each row of an array (n_samples, max_length, ...) to its length."""
    return [row[:length] for row, length in zip(padded, lengths, strict=True)]
