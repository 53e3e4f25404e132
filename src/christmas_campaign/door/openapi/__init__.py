"""The OpenAPI document of the door."""
