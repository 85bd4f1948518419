"""Which share of a dataset this process writes, from JAX's distributed runtime."""

from __future__ import annotations

from nbjax.errors import UsageError


def join(coordinator: str | None, process: int | None, processes: int | None) -> tuple[int, int]:
    """Number of this process, and of all.

    The processes meet once and part again: from then on each works alone, so that none is lost with another.

    Args:
        coordinator: ``host:port`` of process 0; None lets JAX ask Slurm or Open MPI.
        process, processes: given with a coordinator that no scheduler knows of.

    Raises:
        UsageError: the processes do not find each other.
    """
    import jax

    try:
        jax.distributed.initialize(coordinator, processes, process)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UsageError(
            f"the processes cannot meet ({reason}); give --coordinator HOST:PORT, --process-id and --processes"
        ) from None
    try:
        return jax.process_index(), jax.process_count()
    finally:
        jax.distributed.shutdown()
