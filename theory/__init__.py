"""What is claimed and why: exact mathematics in SymPy, without floats and without randomness."""
