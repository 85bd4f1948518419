"""File formats: NumPy in, NumPy out."""
