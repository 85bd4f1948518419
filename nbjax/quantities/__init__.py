"""The one table of quantities: key, unit, ranges, place and uses of every number.

This floor holds plain data and knows neither JAX nor configurations. Configurations are checked against it, and the
parameters of fits, the draws of datasets, attributions, the units of truth and the documentation are made from it.
``nbjax.parameters`` reads and moves the quantities of an experiment. A new one is one line in its section's file.
"""

from __future__ import annotations

from nbjax.quantities.absorber import ABSORBER
from nbjax.quantities.background import BACKGROUND
from nbjax.quantities.beam import BEAM
from nbjax.quantities.crystal import CRYSTAL
from nbjax.quantities.detector import DETECTOR
from nbjax.quantities.interval import Interval
from nbjax.quantities.panels import PANELS
from nbjax.quantities.quantity import Quantity
from nbjax.quantities.record import RECORD
from nbjax.quantities.sampling import OUTPUT, SAMPLING
from nbjax.quantities.shadow import SHADOW
from nbjax.quantities.unit import UNITS, Unit

__all__ = ["QUANTITIES", "UNITS", "Interval", "Quantity", "Unit"]

QUANTITIES: dict[str, Quantity] = {
    quantity.key: quantity
    for quantity in (*DETECTOR, *PANELS, *BEAM, *CRYSTAL, *BACKGROUND, *SHADOW, *ABSORBER, *SAMPLING, *RECORD, *OUTPUT)
}
"""Every quantity by its key, in the order in which fits set them."""
