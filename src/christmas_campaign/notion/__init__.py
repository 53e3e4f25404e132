"""The schema of the campaign's Notion databases, and pages to and from plain values."""
