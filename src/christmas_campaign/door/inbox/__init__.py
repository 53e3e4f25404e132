"""The calls that the door has answered and not yet handed to Kestra."""
