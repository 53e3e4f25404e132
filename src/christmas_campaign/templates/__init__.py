"""Check templates before an e-mail is due, and find the sources of their values."""
