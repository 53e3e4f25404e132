"""The sequences: their e-mails, delays, payload fields and properties in Notion."""
