"""What amorphous materials scatter at each angle, from tables and formulas; no JAX, no files of a user.

A material is one function in a file of its own and one line here.
"""

from __future__ import annotations

from collections.abc import Callable

from nbjax.materials.air import air
from nbjax.materials.chains import lcp, nylon
from nbjax.materials.ice import ice
from nbjax.materials.material import Material
from nbjax.materials.water import water

__all__ = ["MATERIALS", "Material"]

MATERIALS: dict[str, Callable[[], Material]] = {
    "water": water,
    "air": air,
    "ice": ice,
    "nylon": nylon,
    "lcp": lcp,
}
"""Materials by the name that a configuration gives them."""
