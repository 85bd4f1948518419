"""Constants against those of CODATA, and against each other."""

from __future__ import annotations

import math

import pytest
from scipy import constants as codata

from nbjax import constants


def test_constants_are_those_of_physics() -> None:
    radius_m = codata.value("classical electron radius")
    # the values of the C program are older
    assert pytest.approx(radius_m**2, rel=1e-6) == constants.THOMSON_CROSS_SECTION_M2
    assert pytest.approx(1 / radius_m**2, rel=1e-6) == constants.DEFAULT_FLUENCE_PHOTONS_PER_M2
    assert pytest.approx(codata.Avogadro, rel=1e-6) == constants.AVOGADRO_PER_MOL
    assert pytest.approx(codata.h * codata.c / codata.e * 1e10, rel=1e-6) == constants.HC_EV_A
    assert codata.value("Compton wavelength") == pytest.approx(constants.COMPTON_WAVELENGTH_M, rel=1e-6)
    assert math.degrees(1.0) == pytest.approx(constants.DEGREES_PER_RADIAN, rel=1e-15)


def test_constants_of_the_c_program_are_its_own() -> None:
    # a cubic metre of water is a tonne
    water = constants.WATER_FORWARD_FACTOR_ELECTRONS, constants.WATER_MOLAR_MASS_G_PER_MOL
    assert (*water, constants.WATER_DENSITY_G_PER_M3) == (2.57, 18.0, 1e6)
    assert math.sqrt(math.pi / 6) == pytest.approx(constants.SPHERE_CUBE_RATIO, rel=1e-12)
    assert constants.NANOBRAGG_GAUSS_WIDTH == 0.63
    assert pytest.approx(0.63**2, rel=1e-12) == constants.NANOBRAGG_TOPHAT_RADIUS_SQUARED
    assert (constants.A_TO_M, constants.MM_TO_M, constants.UM_TO_M) == (1e-10, 1e-3, 1e-6)
