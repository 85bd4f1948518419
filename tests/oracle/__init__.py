"""An independent plain-NumPy oracle for diffraction images: it shares no code with the package under test."""
