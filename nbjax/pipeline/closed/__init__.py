"""Crystals whose averages over mosaicity, spectrum, divergence and rotation have a closed form."""
