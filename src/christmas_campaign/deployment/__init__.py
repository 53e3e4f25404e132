"""The settings of an installation: their list, their checks, and the environments of the containers."""
