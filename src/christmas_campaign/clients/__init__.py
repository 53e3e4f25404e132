"""Clients for the APIs of Kestra and Notion."""
