"""One crystal on one image, whatever program has indexed it."""

from __future__ import annotations

from dataclasses import dataclass

from nbjax.io.experiments.recorded import RecordedExperiment


@dataclass(frozen=True)
class Still:
    """One crystal on one image.

    Attributes:
        number: of the experiment in the list, the ``id`` of its reflections.
        experiment: what the file says of it.
        image: name of the image's file as the list has it, or empty.
        index: number of the image in its file, from 0.
        identifier: of the experiment.
        imageset: number of the image in the list, the ``imageset_id`` of spots of no experiment; None: it has none.
        dataset: path of the image's array in an HDF5 file; None: that of all images.
        shift_mm: of its detector as a whole, from where the panels of the first still of a run are.
        fault: why it cannot be used, or empty.
    """

    number: int
    experiment: RecordedExperiment
    image: str
    index: int
    identifier: str
    imageset: int | None = None
    dataset: str | None = None
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fault: str = ""

    @property
    def space_group(self) -> str:
        """Hall symbol of the crystal, or empty."""
        crystal = self.experiment.crystal
        return (None if crystal is None else crystal.space_group) or ""
