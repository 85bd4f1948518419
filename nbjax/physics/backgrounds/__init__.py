"""What scatters besides crystals, one kind a file."""
