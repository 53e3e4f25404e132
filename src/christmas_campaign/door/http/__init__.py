"""The HTTP of the door: reading a call, signatures, limits, responses."""
