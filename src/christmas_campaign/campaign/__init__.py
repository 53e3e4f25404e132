"""The ground: facts and settings of the campaign, times, outcomes and reasons, segments. Imports nothing above it."""
