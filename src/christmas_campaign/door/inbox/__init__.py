"""The inbox: the calls that the door has answered and not yet forwarded to Kestra."""
