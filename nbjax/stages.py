"""The contract between the pipeline and everything that looks at its factors: the stages of a pixel's intensity.

A pixel's photons are a product that is read from left to right::

    I_pixel = r_e^2 * fluence * I_before_scaling / steps * capture * polarization * solid angle

where I_before_scaling sums squared lattice times structure factors over all samples. A factor that is oversampled is
inside that sum, and not multiplied again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
from jax import Array
from jaxtyping import Float, Int

from nbjax.fields import STATIC
from nbjax.html import tree_table


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SampleStages:
    """Factors of single samples.

    Leading axes are (pixels,) for the last sample of each pixel, or (pixels, layers, slow subpixels, fast subpixels,
    sources, phi steps, mosaic domains) for all; what does not depend on phi and mosaic domain has length 1 there.
    Vectors have a last axis of 3.

    Attributes:
        weight: share of the sample in its pixel; sums to one over each sensor layer.
        position_m: point of the sensor in the laboratory.
        airpath_m: its distance from the sample.
        diffracted, incident: unit directions.
        wavelength_m: of the source.
        scattering_per_m: (diffracted - incident) / wavelength.
        resolved: 1 where the sample is above the resolution limit, else 0 and without effect.
        polarization, solid_angle_sr: geometry factors that the sample is given.
        capture: fraction of the photons that the sample's own layer captures.
        hkl: fractional Miller indices.
        hkl_nearest: nearest whole Miller indices.
        lattice_axes: lattice factor of each axis, with its sign; None for shapes that are no product of axes.
        lattice: lattice factor, with its sign.
        structure_electrons: structure factor.
        debye_waller: what displacements of the atoms leave of the intensity; None: all of it.
        intensity_electrons_squared: square of lattice times structure factor.
        running_electrons_squared: the sum towards I_before_scaling up to and including the sample; None for the
            last.
    """

    weight: Float[Array, "..."]
    position_m: Float[Array, "... 3"]
    airpath_m: Float[Array, "..."]
    diffracted: Float[Array, "... 3"]
    incident: Float[Array, "... 3"]
    wavelength_m: Float[Array, "..."]
    scattering_per_m: Float[Array, "... 3"]
    resolved: Float[Array, "..."]
    polarization: Float[Array, "..."]
    solid_angle_sr: Float[Array, "..."]
    capture: Float[Array, "..."]
    hkl: Float[Array, "... 3"]
    hkl_nearest: Float[Array, "... 3"]
    lattice_axes: Float[Array, "... 3"] | None
    lattice: Float[Array, "..."]
    structure_electrons: Float[Array, "..."]
    intensity_electrons_squared: Float[Array, "..."]
    running_electrons_squared: Float[Array, "..."] | None
    debye_waller: Float[Array, "..."] | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class SceneStages:
    """What all pixels share. Of several panels, what is of a panel has a leading axis.

    Attributes:
        origin_m: corner of the first pixel in the laboratory, shape (3,).
        fast, slow, normal: unit axes of the panel, shape (3,).
        beam: unit direction of the central ray, shape (3,).
        close_distance_m: sample to panel along its normal.
        distance_m: sample to panel along the beam.
        wavelength_m: central wavelength.
        cell_m: direct vectors a, b, c as rows, before spindle and mosaic rotations, shape (3, 3).
        source_weights: shares of the sources, which sum to one, shape (sources,).
    """

    origin_m: Float[Array, "3"]
    fast: Float[Array, "3"]
    slow: Float[Array, "3"]
    normal: Float[Array, "3"]
    beam: Float[Array, "3"]
    close_distance_m: Float[Array, ""]
    distance_m: Float[Array, ""]
    wavelength_m: Float[Array, ""]
    cell_m: Float[Array, "3 3"]
    source_weights: Float[Array, " sources"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Stages:
    """Every factor of every traced pixel, in the order of computation.

    Attributes:
        slow, fast: indices of the pixels, shape (pixels,).
        panel: number of each pixel's panel, shape (pixels,); None where there is one panel.
        scene: what all pixels share.
        last: the last sample of each pixel, of the last crystal.
        background_electrons_squared: the part of I_before_scaling that is background, shape (pixels,).
        backgrounds_electrons_squared: the parts of that that are of each background, shape (pixels, backgrounds); None
            where another program than the physics decides what there is.
        before_scaling_electrons_squared: I_before_scaling, shape (pixels,): ``steps`` times the weighted mean of the
            samples' intensities, times ``mosaic_blocks``, ``beam_share`` and ``debye_waller``, plus background.
        r_e_squared_m2: squared classical electron radius.
        fluence_photons_per_m2: photons per area.
        steps: samples of a sensor layer, with the orientations of the last crystal.
        mosaic_blocks: blocks of the last crystal, each with the intensity of the samples; None: one.
        beam_share: fluence at the last crystal over that of the beam's centre; None: the same.
        capture, polarization, solid_angle_sr: factors of the whole pixel, shape (pixels,). Where a factor differs
            between samples, its mean weighted by what the samples contribute; where it is oversampled, that of the
            last sample, which is not multiplied again.
        transmission: fraction of the photons that screens let pass, shape (pixels,); None without screens.
        I_pixel_photons: the pixel as ``simulate`` sums it, shape (pixels,).
        samples: every sample of each crystal, or None.
        oversample_thickness, oversample_polarization, oversample_solid_angle: whether the factor is inside
            I_before_scaling.
    """

    slow: Float[Array, " pixels"]
    fast: Float[Array, " pixels"]
    scene: SceneStages
    last: SampleStages
    background_electrons_squared: Float[Array, " pixels"]
    before_scaling_electrons_squared: Float[Array, " pixels"]
    r_e_squared_m2: Float[Array, ""]
    fluence_photons_per_m2: Float[Array, ""]
    steps: Float[Array, ""]
    mosaic_blocks: Float[Array, ""] | None
    beam_share: Float[Array, ""] | None
    capture: Float[Array, " pixels"]
    polarization: Float[Array, " pixels"]
    solid_angle_sr: Float[Array, " pixels"]
    I_pixel_photons: Float[Array, " pixels"]
    samples: tuple[SampleStages, ...] | None
    oversample_thickness: bool = field(metadata=STATIC)
    oversample_polarization: bool = field(metadata=STATIC)
    oversample_solid_angle: bool = field(metadata=STATIC)
    panel: Int[Array, " pixels"] | None = None
    backgrounds_electrons_squared: Float[Array, "pixels backgrounds"] | None = None
    transmission: Float[Array, " pixels"] | None = None

    def _repr_html_(self) -> str:
        """What a notebook shows: every factor, with its range over the pixels."""
        return tree_table(f"Stages of {self.I_pixel_photons.size} pixels", self)

    def product_photons(self) -> Float[Array, " pixels"]:
        """The pixel as the product of its stages, shape (pixels,); equal to the image but for rounding."""
        product = self.r_e_squared_m2 * self.fluence_photons_per_m2 * self.before_scaling_electrons_squared / self.steps
        product = product if self.transmission is None else product * self.transmission
        product = product if self.oversample_thickness else product * self.capture
        product = product if self.oversample_polarization else product * self.polarization
        return product if self.oversample_solid_angle else product * self.solid_angle_sr
