"""Where the pixels of an image stand: beam centre, rings of resolution, d of a pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from nbjax.geometry.assembly import Plate, plates
from nbjax.geometry.frames import across, unit
from nbjax.geometry.panel import CurvedPanel
from nbjax.io.experiments.recorded import RecordedExperiment


@dataclass(frozen=True)
class Layout:
    """Placed panels and the beam.

    Attributes:
        origins_mm: outer corner of the first pixel of each panel, from the sample.
        fast_mm, slow_mm: edges of a pixel.
        sizes: (slow, fast) pixels of each panel.
        beam, electric: unit directions of the beam, and of the electric vector.
        wavelength_A: of the beam, or None where it is not told.
        source: what told all this, in words.
        bent: the one panel that is curved, of numbers, or None; the other attributes are those of the flat one.
    """

    origins_mm: Float[np.ndarray, "panels 3"]
    fast_mm: Float[np.ndarray, "panels 3"]
    slow_mm: Float[np.ndarray, "panels 3"]
    sizes: tuple[tuple[int, int], ...]
    beam: Float[np.ndarray, "3"]
    electric: Float[np.ndarray, "3"]
    wavelength_A: float | None
    source: str
    bent: CurvedPanel | None = None

    @property
    def pixel_mm(self) -> tuple[float, float]:
        """(fast, slow) edges of a pixel of the first panel."""
        return float(np.linalg.norm(self.fast_mm[0])), float(np.linalg.norm(self.slow_mm[0]))

    @property
    def shape(self) -> tuple[int, ...]:
        """(slow, fast) of the image; of several panels (panel, slow, fast), as large as the largest."""
        slow, fast = (int(count) for count in np.max(self.sizes, axis=0))
        return (slow, fast) if len(self.sizes) == 1 else (len(self.sizes), slow, fast)

    def plates(self) -> list[Plate]:
        """The panels as they lie in a picture, in m."""
        return plates(
            self.origins_mm / 1000, self.fast_mm / 1000, self.slow_mm / 1000, self.sizes, self.beam, self.electric
        )

    def meet(self, panel: int, directions: Float[np.ndarray, "*rays 3"]) -> Float[np.ndarray, "*rays 2"]:
        """(fast, slow) in pixels, from the outer corner of the first, where rays from the sample meet a panel's plane.

        NaN where one goes the other way.

        Args:
            panel: its number.
            directions: of the rays.
        """
        if self.bent is not None:
            return self._on_bent(np.asarray(directions, float))
        axes = np.stack([self.fast_mm[panel], self.slow_mm[panel]])
        normal = np.cross(*axes)
        forwards = (directions @ normal) / (self.origins_mm[panel] @ normal)
        along = np.where(forwards > 0, 1 / np.where(forwards > 0, forwards, 1), np.nan)
        reached = along[..., None] * directions - self.origins_mm[panel]
        return reached @ np.linalg.pinv(axes)

    def _on_bent(self, directions: Float[np.ndarray, "*rays 3"]) -> Float[np.ndarray, "*rays 2"]:
        assert self.bent is not None
        with jax.enable_x64(True):
            fast_m, slow_m, _ = jax.vmap(self.bent.meet, (0, None))(
                jnp.asarray(directions.reshape(-1, 3)), jnp.zeros(())
            )
        at = np.stack([fast_m, slow_m], axis=-1) * 1000 / np.array(self.pixel_mm)
        return np.asarray(at).reshape(*directions.shape[:-1], 2)

    def directions(self, panel: int, at: Float[np.ndarray, "*points 2"]) -> Float[np.ndarray, "*points 3"]:
        """Unit directions from the sample to places on a panel, given as (fast, slow) in pixels."""
        if self.bent is None:
            points = self.origins_mm[panel] + at @ np.stack([self.fast_mm[panel], self.slow_mm[panel]])
        else:
            with jax.enable_x64(True):
                fast_m, slow_m = jnp.moveaxis(jnp.asarray(at * self.pixel_mm / 1000), -1, 0)
                points = np.stack(self.bent.point(fast_m, slow_m, jnp.zeros_like(fast_m)), axis=-1)
        return points / np.linalg.norm(points, axis=-1, keepdims=True)

    def sines(self, panel: int, at: Float[np.ndarray, "*points 2"]) -> Float[np.ndarray, "*points"]:
        """sin(theta) of places on a panel: the wavelength over 2 d."""
        # not by the cosine of 2 theta, which has no digits left near the beam
        return np.asarray(np.linalg.norm(self.directions(panel, at) - self.beam, axis=-1) / 2)

    def pixel_sines(self) -> list[Float[np.ndarray, "slow fast"]]:
        """sin(theta) at the middle of every pixel, of each panel."""
        found = []
        for panel, (slow, fast) in enumerate(self.sizes):
            middles = np.meshgrid(np.arange(fast) + 0.5, np.arange(slow) + 0.5)
            found.append(self.sines(panel, np.stack(middles, axis=-1)))
        return found

    def beam_centre(self, panel: int) -> Float[np.ndarray, "2"]:
        """(fast, slow) in pixels where the beam meets a panel's plane; NaN where it does not."""
        return self.meet(panel, self.beam)

    def ring(self, panel: int, sine: float, points: int = 721) -> Float[np.ndarray, "points 2"]:
        """(fast, slow) in pixels where a cone of reflections meets a panel's plane.

        Args:
            panel: its number.
            sine: sin(theta) of the reflections, the wavelength over 2 d.
            points: along the cone, the first and the last one equal.
        """
        theta = np.arcsin(sine)
        turn = np.linspace(0, 2 * np.pi, points)[:, None]
        right = across(self.electric, self.beam)
        around = np.cos(turn) * right + np.sin(turn) * np.cross(self.beam, right)
        return self.meet(panel, np.cos(2 * theta) * self.beam + np.sin(2 * theta) * around)

    def largest_sine(self) -> float:
        """Of the corners of all panels."""
        corners = [np.array([[0, 0], [fast, 0], [0, slow], [fast, slow]], float) for slow, fast in self.sizes]
        return max(float(self.sines(panel, at).max()) for panel, at in enumerate(corners))


def recorded_layout(experiment: RecordedExperiment, source: str) -> Layout | None:
    """What the file of an experiment or the header of an image tells, or None where panels or beam are missing.

    Args:
        experiment: what it says.
        source: its name.
    """
    panels: Sequence = experiment.panels
    beam = experiment.beam_axis
    if not panels or beam is None:
        return None
    axes, wavelength_A = [panel.unit_axes for panel in panels], experiment.beam.wavelength_A
    told = experiment.beam.electric_axis
    electric = (experiment.spindle_axis if told is None else told) if len(panels) > 1 else axes[0][0]
    return Layout(
        np.array([panel.origin_mm for panel in panels]),
        np.array([panel.pixel_mm[0] * fast for panel, (fast, _) in zip(panels, axes, strict=True)]),
        np.array([panel.pixel_mm[1] * slow for panel, (_, slow) in zip(panels, axes, strict=True)]),
        tuple((panel.pixels[1], panel.pixels[0]) for panel in panels),
        unit(beam),
        axes[0][0] if electric is None else electric,
        # headers have zeros where nobody wrote a wavelength
        wavelength_A if wavelength_A and wavelength_A > 0 else None,
        source,
    )
