"""Series of images with their truth, in files that processing programs read."""
