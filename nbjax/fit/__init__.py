"""Fits of experiments to measured images: parameters by configuration key, likelihoods, stages and uncertainties."""

from __future__ import annotations

from nbjax.fit.descent import Descent
from nbjax.fit.fitting import fit
from nbjax.fit.goodness import Goodness
from nbjax.fit.losses import Gaussian, Poisson, PoissonGaussian, Robust
from nbjax.fit.observation import boxes
from nbjax.fit.output import write_result
from nbjax.fit.parameter_set import Free
from nbjax.fit.result import FitResult, Outcome, ShotResult
from nbjax.fit.scoring import Scoring
from nbjax.fit.stages import COARSE_TO_FINE, Stage

__all__ = [
    "COARSE_TO_FINE",
    "Descent",
    "FitResult",
    "Free",
    "Gaussian",
    "Goodness",
    "Outcome",
    "Poisson",
    "PoissonGaussian",
    "Robust",
    "Scoring",
    "ShotResult",
    "Stage",
    "boxes",
    "fit",
    "write_result",
]
