"""Physical constants, with the values and sources that absolute intensities rest on."""

from __future__ import annotations

import math

THOMSON_CROSS_SECTION_M2 = 7.94079248018965e-30
"""r_e^2, the squared classical electron radius in m^2 per electron and steradian (nanoBragg's value)."""

AVOGADRO_PER_MOL = 6.02214179e23
"""CODATA 2006, the value nanoBragg uses."""

DEFAULT_FLUENCE_PHOTONS_PER_M2 = 125932015286227086360700780544.0
"""1 / r_e^2, so that a pixel shows F^2 times its solid angle."""

HC_EV_A = 12398.42
"""Planck constant times speed of light in eV Angstrom (nanoBragg's value)."""

COMPTON_WAVELENGTH_M = 2.42631024e-12
"""Planck constant over electron mass and speed of light."""

WATER_FORWARD_FACTOR_ELECTRONS = 2.57
"""Forward-scattering structure factor of one water molecule in liquid water."""

WATER_MOLAR_MASS_G_PER_MOL = 18.0

WATER_DENSITY_G_PER_M3 = 1.0e6

SPHERE_CUBE_RATIO = 0.723601254558268
"""Scale of the spherical lattice transform: square root of the volume ratio of sphere and cube (nanoBragg's value)."""

NANOBRAGG_GAUSS_WIDTH = 0.63
"""nanoBragg's exponent scale of a Gaussian spot; 2/pi gives it the volume of a parallelepiped's."""

NANOBRAGG_TOPHAT_RADIUS_SQUARED = 0.3969
"""nanoBragg's squared radius, in units of 1/N, inside which a top-hat spot is on (0.63^2)."""

DEGREES_PER_RADIAN = 180.0 * (1.0 / math.pi)
A_TO_M = 1e-10
MM_TO_M = 1e-3
UM_TO_M = 1e-6
