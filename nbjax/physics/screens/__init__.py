"""What lets only a part of the scattered photons pass, one kind a file."""
