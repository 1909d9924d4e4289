"""Print all tables on speed and memory: ``python -m tests.benchmarks``; needs the extra bench."""

from __future__ import annotations

from tests.benchmarks import (
    attention,
    cells,
    export,
    hosts,
    inference,
    memory,
    startup,
    training,
)


def main() -> None:
    """Run all benchmarks, each under a heading."""
    for topic in (training, cells, attention, inference, export, startup, memory, hosts):
        print(f"\n## {topic.__doc__.splitlines()[0]}\n", flush=True)
        topic.main()


if __name__ == "__main__":
    main()
