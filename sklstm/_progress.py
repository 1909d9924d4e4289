"""The one progress bar."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def progress_bar(
    total: int | None, name: str, unit: str, iterable: Iterable[Any] | None = None
) -> Any:
    """Return tqdm's bar for terminals and notebooks, over an iterable or updated by hand."""
    from tqdm.auto import tqdm

    return tqdm(iterable, total=total, desc=name, unit=unit)
