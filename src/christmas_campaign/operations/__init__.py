"""The work of the commands and of the flow `repair`: failures, replay, pause, stops, repair, erasure, templates, Notion."""
