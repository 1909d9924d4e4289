"""How long the vectors of categories are: `embedding_size` for each channel."""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import NDArray

from sklstm.components.component import COUNT

_LONGEST_VECTOR = 50  # of "auto"


def embedding_shapes(
    sizes: int | dict[Any, Any] | Literal["auto"],
    categories: list[NDArray] | None,
    channels: list[Any],
) -> tuple[tuple[int, int], ...]:
    """Return the number of vectors and their length, for the categories of each channel.

    sizes: `embedding_size`; a channel that a dict does not have is "auto"
    channels: names of the categorical channels
    """
    if not isinstance(sizes, dict):
        sizes = dict.fromkeys(channels, sizes)
    for channel, size in sizes.items():
        if channel not in channels:
            there = ", ".join(map(repr, channels)) or "none"
            raise ValueError(
                f"embedding_size has the key {channel!r}, which is no categorical channel of X; "
                f"there are {there}."
            )
        if size != "auto" and not COUNT.is_satisfied_by(size):
            raise ValueError(
                f"embedding_size has {size!r} for {channel!r}: pass a whole number of at least 1, "
                'or "auto".'
            )
    return tuple(
        (len(known) + 1, _embedding_size(sizes.get(channel, "auto"), len(known)))
        for channel, known in zip(channels, categories or (), strict=True)
    )


def _embedding_size(size: int | Literal["auto"], n_categories: int) -> int:
    """Return the length of the vectors of a channel."""
    if size != "auto":
        return int(size)
    return max(1, min(_LONGEST_VECTOR, round(1.6 * n_categories**0.56)))
