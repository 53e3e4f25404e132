"""Finds faults of executions, queues, enrolments and pages, and the actions that correct them."""
