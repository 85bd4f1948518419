"""From reflections, measured or computed from a model, to the dense table of amplitudes; without JAX."""
