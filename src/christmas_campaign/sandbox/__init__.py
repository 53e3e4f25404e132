"""Notion, Resend and Discord on this machine, for the demo and the tests: an ASGI app, a process of its own.

It knows nothing of the campaign. Whatever stands in it came in through the same HTTP calls that the real services
take, and what the real ones refuse it refuses too. No mail ever leaves it.
"""
