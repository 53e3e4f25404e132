"""A local stand-in for Notion, Resend and Discord, for the demo and the tests: an ASGI app in a process of its own.

The sandbox knows nothing about the campaign. All its data arrives by the HTTP calls that the real services accept, and it
refuses the calls that the real services refuse. It never sends an e-mail.
"""
