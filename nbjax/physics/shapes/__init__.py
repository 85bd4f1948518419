"""The lattice factor: Fourier transform of a finite crystal's lattice near a Bragg peak, one shape a file.

Every form depends on the Miller indices only through their distance delta from the nearest integers and the number
of cells N along each axis. ``square`` is the exact sum over a parallelepiped, up to a sign that the intensity does not
see; the others are the shapes of nanoBragg and simtbx in index space, on an absolute scale. Their names begin with
``nanobragg`` where they have its own constants.
"""

from __future__ import annotations

from nbjax.physics.shapes.gauss import Gauss
from nbjax.physics.shapes.radial import Radial, radius_squared
from nbjax.physics.shapes.round import Round
from nbjax.physics.shapes.round_closed_form import RoundClosedForm
from nbjax.physics.shapes.shape import Shape
from nbjax.physics.shapes.square import Square
from nbjax.physics.shapes.tophat import Tophat

__all__ = ["SHAPES", "Gauss", "Radial", "Round", "RoundClosedForm", "Shape", "Square", "Tophat", "radius_squared"]

SHAPES: dict[str, Shape] = {
    "square": Square(),
    "round": Round(),
    "round_closed_form": RoundClosedForm(),
    "gauss": Gauss(),
    "tophat": Tophat(),
    "nanobragg_round": Round(normalised=False),
    "nanobragg_round_closed_form": RoundClosedForm(normalised=False),
    "nanobragg_gauss": Gauss(normalised=False),
    "nanobragg_tophat": Tophat(normalised=False),
}
"""Every shape by its name."""
