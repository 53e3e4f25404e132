"""What is not as it has to be, and the actions that correct it."""
