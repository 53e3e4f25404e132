"""Events: intake of webhook payloads, payloads of providers, and opaque ids."""
