"""The way from an experiment to an image, and every number on it.

``sample`` is one subpixel, layer and source, and one phi step and mosaic domain: the file to read first. ``scene``
derives once what all pixels share, ``accumulate`` sums the samples of a pixel, ``image`` cuts the pixels into tiles.
"""
