"""Which data belongs to a contact."""
