"""Where things are: detector panel, unit cell, goniometer, conventions and scattering vectors."""
