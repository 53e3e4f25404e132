"""The sequences: their e-mails, delays, fields and names."""
