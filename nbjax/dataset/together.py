"""Where the processes of a dataset meet: ``python -m nbjax.dataset.together COORDINATOR PROCESS PROCESSES``.

It writes the number of its process and of all, and parts from the others at the end of its input.
"""

from __future__ import annotations

import sys

_LONGEST_S = 24 * 3600
"""The patience of the process that started this one is the shorter."""


def main(coordinator: str, process: str, processes: str) -> None:
    """Meet, write both numbers, and part."""
    import jax

    jax.distributed.initialize(
        None if coordinator == "None" else coordinator,
        None if processes == "None" else int(processes),
        None if process == "None" else int(process),
        initialization_timeout=_LONGEST_S,
    )
    sys.stdout.write(f"{jax.process_index()} {jax.process_count()}\n")
    sys.stdout.flush()
    sys.stdin.read()
    jax.distributed.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
