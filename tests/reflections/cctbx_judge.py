"""Structure factors by cctbx, in a process of its own: what its extension modules do to a process stays there.

For each {"model": path, "d_min": A, "dispersion": {element: [f', f'']}, "out": path} of the standard input it
writes indices, F of the atoms and F of a solvent of one electron per A^3, of the whole sphere in P1, to "out".
"""

from __future__ import annotations

import json
import sys

import iotbx.pdb
import numpy as np
from mmtbx import masks


def judge(model: str, d_min: float, dispersion: dict[str, list[float]], out: str) -> None:
    structure = iotbx.pdb.input(file_name=model).xray_structure_simple()
    structure.scattering_type_registry(table="it1992")
    for scatterer in structure.scatterers():
        scatterer.fp, scatterer.fdp = dispersion[scatterer.element_symbol()]
        scatterer.flags.set_use_fp_fdp(True)
    f_calc = structure.structure_factors(d_min=d_min, anomalous_flag=True, algorithm="direct").f_calc()
    atoms = f_calc.expand_to_p1()
    solvent = masks.bulk_solvent(
        xray_structure=structure.expand_to_p1(sites_mod_positive=True),
        ignore_zero_occupancy_atoms=True,
        solvent_radius=1.1,
        shrink_truncation_radius=0.9,
        grid_step=0.4,
    )
    mask = solvent.structure_factors(atoms)
    np.savez(out, hkl=np.array(list(atoms.indices())), atoms=np.array(atoms.data()), mask=np.array(mask.data()))


for given in json.load(sys.stdin):
    judge(given["model"], given["d_min"], given["dispersion"], given["out"])
