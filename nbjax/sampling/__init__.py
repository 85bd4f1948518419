"""What an image is averaged over: subpixels, sensor layers, sources, mosaic domains, and their weights."""
