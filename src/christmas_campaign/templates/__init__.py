"""Templates before anything is due: the check, and where each value comes from."""
