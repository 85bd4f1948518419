"""A closed crystal in a short rotation on a small panel, for tests of commands."""

from __future__ import annotations

CONFIG = """
[crystal]
model = "closed"
cell_A = [50.0, 60.0, 70.0]
default_F = 100.0
cells = [15, 16, 17]
misset_deg = [10.0, 20.0, 30.0]
mosaicity_deg = 0.1
phi_start_deg = 5.0
phi_range_deg = 0.5
[detector]
distance_mm = 120.0
pixel_mm = 0.4
pixels_fast = 120
pixels_slow = 100
"""
