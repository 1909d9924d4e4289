"""How the states of the last layer become one row of features for each sequence."""

from __future__ import annotations

from typing import Literal

# Name of a pooling -> its parts, side by side in a row of features; "attention" stands alone.
POOLINGS: dict[str, tuple[str, ...]] = {
    "last": ("last",),
    "mean": ("mean",),
    "max": ("max",),
    "concat": ("last", "mean", "max"),
    "attention": ("attention",),
}
PoolingName = Literal["last", "mean", "max", "concat", "attention"]

# In place of a pooling: the head reads the state of every time step.
EVERY_STEP = ("steps",)
