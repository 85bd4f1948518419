"""The factors of a pixel's intensity, one module each."""
