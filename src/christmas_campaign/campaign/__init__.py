"""The base of the package: facts, settings, times, outcomes, reasons and segments. It imports no other folder."""
