"""Which process of a parallel run takes which tests, so that few programs are compiled twice and all end together."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = {
    "tests/fit/": "fits",
    "tests/cli/test_fit.py": "fits",
    "tests/cli/test_fit_own_files.py": "fits",
    "tests/dataset/": "datasets",
}
"""Files that are fitted with, or read, the same things; every other file is a share of its own."""

DEAREST = (
    "fits",
    "datasets",
    "tests/gradients/test_simulate.py",
    "tests/reference/test_golden.py",
    "tests/pipeline/spots/test_prediction.py",
    "tests/pipeline/test_single.py",
    "tests/pipeline/closed/test_gradients.py",
    "tests/convergence/test_convergence.py",
    "tests/pipeline/test_orientations.py",
    "tests/pipeline/test_recording.py",
    "tests/reference/test_ledger.py",
    "tests/pipeline/closed/test_image.py",
    "tests/tracing/attribution/test_attribution.py",
    "tests/pipeline/test_terms.py",
    "tests/pipeline/test_block.py",
    "tests/gradients/test_several_crystals.py",
    "tests/pipeline/test_compilation.py",
    "tests/cli/test_attribute.py",
    "tests/cli/test_predict.py",
    "tests/cli/test_converge.py",
    "tests/physics/readout/test_statistics.py",
    "tests/physics/test_noise.py",
    "tests/gradients/test_without_x64.py",
    "tests/pipeline/test_transforms.py",
    "tests/cli/test_batch.py",
    "tests/convergence/test_closed.py",
    "tests/pipeline/test_mosaic_blocks.py",
    "tests/pipeline/test_invariance.py",
    "tests/pipeline/test_channels.py",
    "tests/cli/test_compare_traces.py",
    "tests/cli/test_image_files.py",
    "tests/parameters/test_parameters.py",
)
"""Shares that begin first, those that take longest in front; the small ones fill what is left."""


def share_of(test: str) -> str:
    """The share that a test belongs to, by its name."""
    file = test.split("::", maxsplit=1)[0]
    return next((share for start, share in TOGETHER.items() if file.startswith(start)), file)


def dearest_first(items: list[pytest.Item]) -> None:
    """Sort tests in place by when their share begins."""
    ranks = {share: rank for rank, share in enumerate(DEAREST)}
    items.sort(key=lambda item: ranks.get(share_of(item.nodeid), len(ranks)))


class Sharing(LoadScopeScheduling):
    """Hands out whole shares, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)
