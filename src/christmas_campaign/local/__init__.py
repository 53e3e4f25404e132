"""The engine and the sandbox on this machine, for `make setup`, `make demo`, `make up` and the tests."""
