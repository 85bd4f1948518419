"""The configuration tree: what a user may say, in the field's units, with ``None`` for "not said".

Units are part of the key names (``distance_mm``). Vectors are laboratory coordinates. Nothing here has a derived
value: ``nbjax.resolve`` fills in what was not said and records where each value came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nbjax.html import text_block

Vector = tuple[float, float, float]
Convention = Literal["mosflm", "denzo", "adxv", "xds", "dials", "custom"]
Pivot = Literal["beam", "sample"]
Shape = Literal["square", "round", "gauss", "tophat"]
MissingReflections = Literal["zero", "shell_mean", "error"]
Model = Literal["sampled", "closed"]
Precision = Literal["double", "mixed", "single"]
Numbers = tuple[float, float]
StageName = Literal[
    "flicker",
    "point_spread",
    "charge_sharing",
    "poisson",
    "counting",
    "calibration",
    "dark_current",
    "readout",
    "gain",
    "gain_switching",
    "saturation",
    "hot_and_dead",
    "quantize",
]


@dataclass(frozen=True)
class Beam:
    """Wavelength, intensity, polarization and angular and spectral spread of the incident beam."""

    wavelength_A: float | None = None
    energy_eV: float | None = None
    fluence_photons_per_m2: float | None = None
    flux_photons_per_s: float | None = None
    exposure_s: float | None = None
    beamsize_mm: float | None = None
    profile: Literal["gaussian", "top_hat"] | None = None  # None: of equal fluence everywhere
    polarization: float | None = None  # Kahn factor, -1..1
    polarization_fraction: float | None = None  # instead of the Kahn factor, which is 2 fraction - 1
    polarization_correction: bool = True
    direction: Vector | None = None  # custom convention only
    polarization_axis: Vector | None = None  # custom convention only
    polarization_normal: Vector | None = None  # custom convention only; of the plane of beam and electric vector
    divergence_horizontal_mrad: float | None = None
    divergence_vertical_mrad: float | None = None
    divergence_shape: Literal["round", "square", "gaussian"] | None = None  # None: round, or gaussian with a sigma
    divergence_sigma_mrad: float | None = None  # standard deviation in both directions, instead of the full widths
    dispersion_percent: float | None = None
    bandwidth_percent: float | None = None  # full width at half maximum of a Gaussian, or of the envelope of spikes
    spectrum_shape: Literal["gaussian", "sase"] | None = None  # None: gaussian with a bandwidth
    spike_width_percent: float | None = None
    spectrum_seed: int | None = None  # None: output.seed
    spectrum_file: str | None = None
    spectrum_shot: int | None = None  # counted from 0; None: the first
    spectrum_offset_eV: float | None = None
    channels: int | None = None  # None: all of a list, 21 of a Gaussian
    source_file: str | None = None


@dataclass(frozen=True)
class Crystal:
    """Unit cell, orientation, spindle rotation, structure factors, size, shape and mosaicity."""

    cell_A: Vector | None = None
    cell_deg: Vector | None = None
    matrix_file: str | None = None
    matrix_wavelength_A: float | None = None  # None: the beam's, or that of the cell in the file
    orientation_file: str | None = None  # of a processing program; "#" and a number pick one of several crystals
    misset_deg: Vector | None = None
    misset_random: bool = False
    misset_seed: int | None = None
    hkl_file: str | None = None
    reflections_file: str | None = None
    reflections_column: str | None = None  # None: the best that the file has
    space_group: str | None = None  # None: that of the reflections' file
    missing_reflections: MissingReflections | None = None  # None: default_F
    dump_file: str | None = None
    coordinates_file: str | None = None
    coordinates_resolution_A: float | None = None
    coordinates_model: int | None = None  # number in the file; None: the first
    coordinates_solvent: bool | None = None  # None: on, but for small molecules
    solvent_k: float | None = None
    solvent_B_A2: float | None = None
    coordinates_scale: float | None = None
    coordinates_B_A2: float | None = None
    anomalous: bool | None = None  # None: on
    anomalous_channels: int | None = None  # None: one
    default_F: float | None = None
    cells: Vector | None = None
    cells_off_diagonal: Vector | None = None  # ab, bc and ca of the symmetric matrix that cells are the diagonal of
    size_a_mm: float | None = None
    size_b_mm: float | None = None
    size_c_mm: float | None = None
    offset_mm: tuple[float, float] | None = None  # from the middle of the beam: along the polarization, and across
    volume_um3: float | None = None  # of the whole crystal: so many blocks of ``cells``; None: one block
    weight: float | None = None  # by which the crystal's photons count; None: 1
    b_factor_A2: float | None = None  # of all reflections, on top of their amplitudes; None: 0
    diffuse_sigma_A: float | None = None  # of displacements that neighbours share; None: none
    diffuse_sigma_axes_A: Vector | None = None  # along each of the crystal's Cartesian axes, instead of one for all
    diffuse_gamma_A: float | None = None  # distance over which their correlation falls to 1/e
    diffuse_gamma_axes_A: Vector | None = None
    twin_law: str | None = None  # indices of the twin's reflection that falls on h,k,l, as in "k,h,-l"
    twin_fraction: float | None = None  # of the crystal's volume; None: half
    model: Model = "sampled"
    shape: Shape | None = None  # None: square, or gauss in the closed model
    fudge: float | None = None
    interpolate: bool | None = None  # None: on when an axis has fewer than three cells, off in the closed model
    mosaicity_deg: float | None = None  # standard deviation of a Gaussian about each axis
    mosaicity_axes_deg: Vector | None = None  # about each of the crystal's Cartesian axes, instead of one for all
    cell_spread_percent: float | None = None
    mosaic_spread_deg: float | None = None  # half-angle of a cap, instead of the mosaicity
    mosaic_seed: int | None = None
    spindle_axis: Vector | None = None  # custom convention only
    phi_start_deg: float | None = None
    phi_range_deg: float | None = None
    water_um: float | None = None


@dataclass(frozen=True)
class Detector:
    """Pixel grid, placement and sensor of one flat (or curved) panel, or a file of panels."""

    model: str | None = None  # name of a detector, as in "Eiger2 16M": pixels, gaps and sensor
    file: str | None = None  # geometry of a processing program: all panels, in its laboratory
    convention: Convention = "mosflm"
    pivot: Pivot | None = None
    pixel_mm: float | None = None
    pixels_fast: int | None = None
    pixels_slow: int | None = None
    size_fast_mm: float | None = None
    size_slow_mm: float | None = None
    distance_mm: float | None = None
    close_distance_mm: float | None = None
    beam_x_mm: float | None = None  # in the convention's own axes
    beam_y_mm: float | None = None
    close_x_mm: float | None = None
    close_y_mm: float | None = None
    org_x_px: float | None = None
    org_y_px: float | None = None
    rotation_x_deg: float | None = None
    rotation_y_deg: float | None = None
    rotation_z_deg: float | None = None
    two_theta_deg: float | None = None
    two_theta_axis: Vector | None = None  # custom convention only
    fast_axis: Vector | None = None  # custom convention only
    slow_axis: Vector | None = None  # custom convention only
    normal_axis: Vector | None = None  # custom convention only
    origin_shift_mm: Vector | None = None  # laboratory shift of the placed panel
    curved: bool = False
    point_pixel: bool = False
    thickness_um: float | None = None
    attenuation_depth_um: float | None = None
    material: str | None = None  # of the sensor; None: attenuation_depth_um says what it does
    gas: str | None = None  # between sample and sensor; None: vacuum
    window: str | None = None  # material of a window in front of each panel
    window_um: float | None = None
    header_file: str | None = None
    mask_file: str | None = None
    roi: tuple[int, int, int, int] | None = None  # fast first, fast last, slow first, slow last (inclusive)


@dataclass(frozen=True)
class Sampling:
    """How finely each average is sampled, and how the work is cut."""

    oversample: int | None = None  # None: chosen from the crystal size
    oversample_thickness: bool = False
    oversample_polarization: bool = False
    oversample_solid_angle: bool = False
    phi_step_deg: float | None = None
    phi_steps: int | None = None
    divergence_horizontal_step_mrad: float | None = None
    divergence_horizontal_steps: int | None = None
    divergence_vertical_step_mrad: float | None = None
    divergence_vertical_steps: int | None = None
    dispersion_steps: int | None = None
    mosaic_domains: int | None = None
    thickness_layers: int | None = None
    resolution_limit_A: float | None = None  # samples of smaller spacing are dropped
    tile_pixels: int | None = None


@dataclass(frozen=True)
class Background:
    """Something amorphous in the beam, by its name or by a table of its structure factor; one table of several."""

    material: str | None = None
    file: str | None = None  # two columns: abscissa, and electrons of one molecule
    profile_file: str | None = None  # two columns: scattering angle in degrees, and photons of a pixel
    image_file: str | None = None  # photons of every pixel
    file_axis: Literal["stol", "4stol", "Q"] = (
        "stol"  # sin(theta)/wavelength, four and four pi times that; per Angstrom
    )
    thickness_mm: float | None = None  # along the beam
    width_mm: float | None = None  # edge of the square that it is across the beam; None: it covers the beam
    density_g_per_cm3: float | None = None
    molecular_weight_g_per_mol: float | None = None
    formula: str | None = None  # of the molecule of a file, as SiO2, for its Compton scattering
    compton: bool | None = None  # None: where the formula is known
    grain_nm: float | None = None  # of ice
    scale: float | None = None  # of its photons
    variation_percent: float | None = None  # standard deviation of a smooth random factor; None: there is none
    variation_deg: float | None = None  # over which it varies
    variation_seed: int | None = None  # None: output.seed and the number of the table; in datasets one of each image


@dataclass(frozen=True)
class Stage:
    """One step from photons to what a detector records; each kind of step has some of these keys."""

    stage: StageName | None = None
    sigma_percent: float | None = None
    each: Literal["image", "pixel"] | None = None  # None: image
    fwhm_um: float | None = None
    form: Literal["gaussian", "fiber"] | None = None  # None: gaussian
    radius_px: int | None = None  # None: as far as the panel goes
    file: str | None = None  # a kernel instead of a form
    cloud_um: float | None = None
    threshold_keV: float | None = None  # None: half a photon's energy
    noise_keV: float | None = None
    dead_time_ns: float | None = None
    dead_time: Literal["nonparalyzable", "paralyzable"] | None = None  # None: nonparalyzable
    gain_percent: float | None = None
    offset_photons: float | None = None
    offset_counts: float | None = None
    electrons_per_s: float | None = None
    electrons_per_photon: float | None = None  # None: of the sensor's material
    sigma_photons: float | None = None
    sigma_electrons: float | None = None
    sigma_counts: float | None = None
    counts_per_photon: float | None = None
    counts_per_keV: float | None = None
    pedestal_counts: float | None = None
    gains_counts_per_keV: Vector | None = None
    pedestals_counts: Vector | None = None
    noises_counts: Vector | None = None
    switches_keV: Numbers | None = None
    converter_bits: int | None = None
    words: Literal["raw", "photons"] | None = None  # None: raw
    limit_photons: float | None = None
    limit_counts: float | None = None
    overload_counts: float | None = None  # None: the limit
    hot_percent: float | None = None
    dead_percent: float | None = None
    hot_counts: float | None = None
    dead_counts: float | None = None
    mask_file: str | None = None
    bits: int | None = None
    signed: bool | None = None
    rounding: Literal["nearest", "down"] | None = None  # None: nearest
    seed: int | None = None  # of what is the same in every image; None: output.seed


@dataclass(frozen=True)
class Shadow:
    """A flat object across the beam between sample and detector; one table of several."""

    kind: Literal["disc", "rectangle", "arm", "edge"] = "disc"
    distance_mm: float | None = None  # from the sample, along the beam
    diameter_mm: float | None = None  # of a disc
    width_mm: float | None = None  # across the direction of a rectangle or an arm
    length_mm: float | None = None  # along the direction of a rectangle
    offset_mm: tuple[float, float] | None = None  # of its middle from the beam: along the polarization, and across
    angle_deg: float | None = None  # of its direction, from the polarization axis
    penumbra_mm: float | None = None  # standard deviation of its edges; None: that of the beam's size
    transmission: float | None = None


@dataclass(frozen=True)
class Absorber:
    """A body about the sample that absorbs on the way in and out, the crystal itself or what holds it."""

    shape: Literal["sphere", "cylinder", "box"] = "sphere"
    material: str | None = None
    attenuation_per_mm: float | None = None  # instead of a material
    diameter_mm: float | None = None  # of a sphere or a cylinder
    size_mm: Vector | None = None  # of a box: along the beam, along its direction, across both
    angle_deg: float | None = None  # direction of a cylinder's axis or of a box, from the polarization axis


@dataclass(frozen=True)
class Output:
    """Files to write (only the named ones) and how pixels become integers."""

    float_file: str | None = None
    integer_file: str | None = None
    pgm_file: str | None = None
    noise_file: str | None = None
    recorded_file: str | None = None
    png_file: str | None = None
    integer_scale: float | None = None  # None: the brightest pixel becomes 55000
    pgm_scale: float | None = None  # None: 50 counts a standard deviation
    adc_offset: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Config:
    """Everything one image needs. ``parity`` names the entries of the ledger that are switched on.

    Of several crystals ``crystal`` is the first.
    """

    beam: Beam = field(default_factory=Beam)
    crystal: Crystal = field(default_factory=Crystal)
    detector: Detector = field(default_factory=Detector)
    sampling: Sampling = field(default_factory=Sampling)
    background: tuple[Background, ...] = ()
    record: tuple[Stage, ...] | str = ()  # stages, or the name of a detector that has them
    shadow: tuple[Shadow, ...] = ()
    absorber: tuple[Absorber, ...] = ()
    output: Output = field(default_factory=Output)
    precision: Precision = "double"
    parity: tuple[str, ...] = ()
    crystals: tuple[
        Crystal, ...
    ] = ()  # of several, all of them; in a file, each with the keys of ``crystal`` that it lacks

    def _repr_html_(self) -> str:
        """What a notebook shows: everything that differs from the defaults, as TOML."""
        from nbjax.config.write import config_toml

        return text_block("Config", config_toml(self))
