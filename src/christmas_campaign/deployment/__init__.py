"""The settings of an installation: catalogue, checks, and what the containers get."""
