from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from nbjax.errors import FileError
from nbjax.io.experiments.mosflm_matrix import read_matrix
from nbjax.io.reflections import read_reflections
from nbjax.io.reflections.text import read_hkl
from nbjax.io.structure import read_structure

MTZ = b"MTZ \x15\0\0\0DA\0\0" + bytes(64)
CIF_OF_REFLECTIONS = b"# archive\n\ndata_r1abcsf\n_cell.length_a 30\nloop_\n_refln.index_h\n_refln.F_meas_au\n1 2.0\n"
SMALL_REFLECTIONS = b"#---\n#\ndata_1\n_reflns_number 9\nloop_\n_refln_index_h\n_refln_F_squared_meas\n1 2.0\n"
MMCIF = b"data_1ABC\n_reflns.number_all 9\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1 2.0\n"
SMALL_MOLECULE = b"#\ndata_2\n_cell_length_a 5.0\nloop_\n_atom_site_label\n_atom_site_fract_x\nC1 0.1\n"
CRYSTFEL = b"CrystFEL reflection list version 2.0\n"
STREAM = b"CrystFEL stream format 2.3\n"
XDS = b"!FORMAT=XDS_ASCII    MERGE=FALSE\n"
INTEGRATE = b"!OUTPUT_FILE=INTEGRATE.HKL    DATE= 3-Nov-2020\n"
DIALS = b'{\n  "__id__": "ExperimentList",\n'
PDB = b"HEADER    PROTEIN BINDING\nCRYST1   30.000   40.000   50.000  90.00 100.00  90.00 P 1\n"
PACKED = gzip.compress(b"1 2 3 4\n", mtime=0)

REFLECTIONS = "give it as crystal.reflections_file"
MATRIX = "give nine numbers, lambda a"


@pytest.mark.parametrize(
    ("read", "content", "name", "remedy"),
    [
        (read_hkl, MTZ, "an MTZ file", REFLECTIONS),
        (read_hkl, CIF_OF_REFLECTIONS, "a CIF of reflections", REFLECTIONS),
        (read_hkl, SMALL_REFLECTIONS, "a CIF of reflections", REFLECTIONS),
        (read_hkl, CRYSTFEL, "a reflection list of CrystFEL", REFLECTIONS),
        (read_hkl, XDS, "a reflection file of XDS", REFLECTIONS),
        (read_hkl, INTEGRATE, "a list of unscaled intensities of XDS", "scale it"),
        (read_hkl, STREAM, "a stream of CrystFEL", "a merged list as text, a line h k l F"),
        (read_hkl, PDB, "a PDB file", "give it as crystal.coordinates_file"),
        (read_hkl, MMCIF, "an mmCIF of coordinates", "give it as crystal.coordinates_file"),
        (read_hkl, PACKED, "a compressed file", "unpack it"),
        (read_matrix, MTZ, "an MTZ file", MATRIX),
        (read_matrix, DIALS, "an experiment list of DIALS", "give it as crystal.orientation_file"),
        (read_matrix, STREAM, "a stream of CrystFEL", "give it as crystal.orientation_file"),
        (read_matrix, PDB, "a PDB file", "crystal.misset_deg"),
        (read_structure, CIF_OF_REFLECTIONS, "a CIF of reflections", REFLECTIONS),
        (read_structure, MTZ, "an MTZ file", REFLECTIONS),
        (read_structure, gzip.compress(MTZ, mtime=0), "an MTZ file", REFLECTIONS),
        (read_reflections, INTEGRATE, "a list of unscaled intensities of XDS", "give XDS_ASCII.HKL"),
        (read_reflections, PDB, "a PDB file", "crystal.coordinates_file"),
        (read_reflections, MMCIF, "an mmCIF of coordinates", "crystal.coordinates_file"),
        (read_reflections, STREAM, "a stream of CrystFEL", "merged"),
        (read_reflections, DIALS, "an experiment list of DIALS", "merged"),
    ],
)
def test_files_of_other_programs_are_named_with_what_to_do(
    tmp_path: Path, read: Callable[[Path], object], content: bytes, name: str, remedy: str
) -> None:
    path = tmp_path / "given.ent"
    path.write_bytes(content)
    with pytest.raises(FileError, match=rf"given\.ent: is {name}; .*({remedy})"):
        read(path)
