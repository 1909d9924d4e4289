"""Draw the pictures of README.md, for light and for dark pages, into docs/_static.

The first is that of an example; the second is what the code in README.md ends with. Run it from
the root of the repository, after a change of either: ``python docs/readme_pictures.py``
"""

import re
import runpy
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
INK = {"light": "#24292f", "dark": "#e6edf3"}  # of text, on a background that is not drawn


def ink(colour: str) -> dict[str, Any]:
    """Return the settings of matplotlib for text and axes of a colour."""
    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    return dict.fromkeys(names, colour)


def save(name: str) -> None:
    """Save the last figure under a name, small enough for a README."""
    path = ROOT / "docs" / "_static" / f"{name}.png"
    plt.savefig(path, dpi=90, transparent=True, pil_kwargs={"optimize": True})
    plt.close("all")
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KB")


def main() -> None:
    """Draw both pictures twice."""
    readme = (ROOT / "README.md").read_text("utf-8")
    code = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)[0]
    for theme, colour in INK.items():
        with plt.rc_context(ink(colour)):
            plt.show = lambda theme=theme: save(f"at_a_glance_{theme}")
            runpy.run_path(str(ROOT / "examples" / "plot_at_a_glance.py"))
            exec(code, {})
            save(f"fifteen_lines_{theme}")


if __name__ == "__main__":
    main()
