"""Everything in one process: the composition behind `grillo up`, and the folder its data is in."""
