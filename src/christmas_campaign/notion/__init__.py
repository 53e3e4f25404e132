"""The schema of the campaign's Notion databases, and the conversion of pages to and from plain values."""
