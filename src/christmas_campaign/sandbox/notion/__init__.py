"""The stand-in for Notion's HTTP API, version 2025-09-03: databases, data sources, pages and search."""
