"""nanoBragg.c: where it departs from the physics, by name, and the same samples evaluated in its order."""
