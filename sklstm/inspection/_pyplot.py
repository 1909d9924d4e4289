"""The pyplot module of matplotlib, imported only where something is drawn."""

from typing import Any


def pyplot(display: Any) -> Any:
    """Return matplotlib.pyplot, or say that the display needs it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__} draws with matplotlib, which cannot be imported: install it "
            "with `pip install matplotlib`."
        ) from error
    return plt
