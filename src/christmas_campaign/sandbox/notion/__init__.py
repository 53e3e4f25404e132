"""Notion's HTTP API, version 2025-09-03, as far as databases, data sources and their pages go."""
