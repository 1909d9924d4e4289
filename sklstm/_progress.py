"""What estimators show of their progress: a bar, and what is being compiled."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from sklstm._kernels.announcement import announced_compilation


def progress_bar(total: int | None, name: str, unit: str, iterable: Any = None) -> Any:
    """Show a tqdm bar, moved by the iterable or, without one, by calls of its `update`."""
    from tqdm.auto import tqdm

    return tqdm(iterable, total=total, desc=name, unit=unit)


def announced(verbose: bool | int) -> AbstractContextManager[Callable[[], None]]:
    """Return a block that says, in the log or with verbose on the screen too, what it compiles.

    The block receives a function that reports what was compiled up to then.
    """
    if not verbose:
        return announced_compilation()
    from tqdm.auto import tqdm

    return announced_compilation(partial(tqdm.write, file=sys.stderr))
