"""The progress bar of all estimators."""

from __future__ import annotations

from typing import Any


def progress_bar(total: int | None, name: str, unit: str, iterable: Any = None) -> Any:
    """Show a tqdm bar, moved by the iterable or, without one, by calls of its `update`."""
    from tqdm.auto import tqdm

    return tqdm(iterable, total=total, desc=name, unit=unit)
