"""Small crystal structures of many symmetries, made up for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gemmi
import numpy as np


@dataclass(frozen=True)
class Made:
    """A made-up structure: space group, cell, element symbols and the seed of its positions."""

    group: str
    cell: tuple[float, float, float, float, float, float]
    elements: str
    seed: int = 0

    def structure(self) -> gemmi.Structure:
        """Atoms at random, every third with anisotropic displacements, some in two conformations."""
        rng = np.random.default_rng(self.seed)
        structure = gemmi.Structure()
        structure.cell, structure.spacegroup_hm, structure.name = gemmi.UnitCell(*self.cell), self.group, "MADE"
        chain, model = gemmi.Chain("A"), gemmi.Model(1)
        for number, element in enumerate(self.elements.split(), 1):
            residue, place = gemmi.Residue(), rng.uniform(0.05, 0.45, 3)
            residue.name, residue.seqid = "HOH", gemmi.SeqId(str(number))
            for altloc, occupancy in (("A", 0.6), ("B", 0.4)) if number % 5 == 4 else (("\0", 1.0),):
                atom = gemmi.Atom()
                atom.name, atom.element, atom.altloc, atom.occ = (
                    element.upper(),
                    gemmi.Element(element),
                    altloc,
                    occupancy,
                )
                atom.pos = structure.cell.orthogonalize(gemmi.Fractional(*(place + rng.uniform(0, 0.02, 3))))
                atom.b_iso = rng.uniform(8, 40)
                if number % 3 == 0:
                    u = rng.uniform(0.15, 0.35, 3) ** 2
                    atom.aniso = gemmi.SMat33f(*u, *rng.uniform(-0.01, 0.01, 3))
                    atom.b_iso = 8 * np.pi**2 * u.mean()
                residue.add_atom(atom)
            chain.add_residue(residue)
        model.add_chain(chain)
        structure.add_model(model)
        structure.setup_cell_images()
        return structure

    def written(self, path: Path) -> Path:
        """The structure as a PDB or, by the name's ending, mmCIF file."""
        if path.suffix == ".cif":
            self.structure().make_mmcif_document().write_file(str(path))
        else:
            self.structure().write_pdb(str(path))
        return path


LIGHT = "C C N O C C N O S C C O " * 3
MODELS = {
    "monoclinic": Made("C 1 2 1", (42.0, 15.0, 17.0, 90.0, 108.0, 90.0), LIGHT, 1),
    "orthorhombic": Made("P 21 21 21", (14.0, 19.0, 23.0, 90.0, 90.0, 90.0), LIGHT + "Se Se", 2),
    "trigonal": Made("P 31 2 1", (23.0, 23.0, 31.0, 90.0, 90.0, 120.0), LIGHT + "Zn", 3),
    "rhombohedral": Made("H 3", (27.0, 27.0, 19.0, 90.0, 90.0, 120.0), LIGHT + "Fe S S", 4),
}
"""Of different symmetry: one centred, two trigonal on hexagonal axes, two with a metal."""
