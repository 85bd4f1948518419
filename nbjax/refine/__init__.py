"""Indexed stills refined against their pixels: one compiled program for all shots of a run."""
