"""A fit's state in a file, from which a later run goes on."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from nbjax.errors import FileError
from nbjax.fit.equations import Theta
from nbjax.fit.fitting import Resume
from nbjax.fit.problem import Problem
from nbjax.fit.result import Step
from nbjax.fit.state import Progress, State
from nbjax.io.files import atomic_writer, read_bytes

_VERSION = 1


def fingerprint(posed: Problem) -> str:
    """What a checkpoint must agree in with the fit that reads it: start, data, parameters and stages."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(posed.shots):
        digest.update(np.asarray(leaf).tobytes())
    stages = [
        (s.parameters, s.without, s.restart, s.broaden, type(s.optimiser).__name__, s.steps) for s in posed.stages
    ]
    digest.update(repr((posed.parameters.names, posed.loss, stages)).encode())
    return digest.hexdigest()


def write_checkpoint(path: Path, posed: Problem, stage: int, state: State, history: list[Step]) -> None:
    """Write beside the name, then rename."""
    arrays = {
        "version": np.array(_VERSION),
        "fingerprint": np.array(fingerprint(posed)),
        "stage": np.array(stage),
        "step": np.array(history[-1].step),
        "shared": np.asarray(state.theta.shared),
        "own": np.asarray(state.theta.own),
        "alive": np.asarray(state.progress) != Progress.DIVERGED,
        "history_at": np.array([(entry.stage, entry.step) for entry in history]),
        "history_losses": np.stack([entry.losses for entry in history]),
    }
    if state.rival is not None:
        arrays |= {"rival_shared": np.asarray(state.rival.shared), "rival_own": np.asarray(state.rival.own)}
    for number, leaf in enumerate(jax.tree.leaves(state.memory)):
        arrays[f"memory_{number}"] = np.asarray(leaf)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    with atomic_writer(path) as handle:
        handle.write(buffer.getvalue())


def read_checkpoint(path: Path, posed: Problem) -> Resume:
    """Where the fit goes on.

    Raises:
        FileError: there is none, it is damaged, or it belongs to another fit.
    """
    if not path.exists():
        raise FileError(f"{path}: does not exist, so that there is nothing to resume; leave out --resume")
    try:
        with np.load(io.BytesIO(read_bytes(path)), allow_pickle=False) as stored:
            arrays = dict(stored)
        known = str(arrays["fingerprint"]) == fingerprint(posed) and int(arrays["version"]) == _VERSION
        memory = [arrays[f"memory_{i}"] for i in range(sum(name.startswith("memory_") for name in arrays))]
        history = tuple(
            Step(int(stage), int(step), losses)
            for (stage, step), losses in zip(arrays["history_at"], arrays["history_losses"], strict=True)
        )
        resume = Resume(
            stage=int(arrays["stage"]),
            step=int(arrays["step"]),
            theta=_theta(arrays, ""),
            alive=arrays["alive"],
            memory=memory,
            history=history,
            rival=_theta(arrays, "rival_") if "rival_own" in arrays else None,
        )
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise FileError(f"{path}: is a damaged checkpoint ({error}); remove it and start again") from None
    if not known:
        raise FileError(f"{path}: belongs to another fit (start, data, parameters or stages differ); remove it")
    return resume


def _theta(arrays: dict[str, np.ndarray], prefix: str) -> Theta:
    return Theta(jnp.asarray(arrays[f"{prefix}shared"]), jnp.asarray(arrays[f"{prefix}own"]))
