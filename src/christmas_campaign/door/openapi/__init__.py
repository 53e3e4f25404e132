"""The door described in OpenAPI."""
