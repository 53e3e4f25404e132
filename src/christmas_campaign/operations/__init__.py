"""What the commands and the flow `repair` do: failures, replay, pause, stops, repair, erasure, templates, Notion."""
