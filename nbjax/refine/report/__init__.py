"""The reports of a run and of single shots: HTML files with everything in them."""
