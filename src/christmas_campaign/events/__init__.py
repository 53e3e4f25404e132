"""From a webhook's payload to an event: intake, the providers' own payloads, opaque ids."""
