"""Decides what is wrong with executions, queues, enrolments and pages, and which actions correct it."""
