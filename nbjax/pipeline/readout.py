"""Recording of images, compiled."""

from __future__ import annotations

from nbjax.physics.readout import record
from nbjax.pipeline.compilation import compiled

recorded = compiled(record)
"""As ``nbjax.physics.readout.record``, in one program for each structure of the stages and shape of the image."""
