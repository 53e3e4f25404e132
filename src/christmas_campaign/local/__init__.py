"""The engine and the sandbox on this machine: set-up, demo, up, tests."""
