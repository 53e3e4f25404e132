"""An e-mail campaign that runs on Kestra: its decisions, the steps that Kestra runs, the door and the command.

Kestra waits, retries and talks to the network. Python decides what a payload means, who is enrolled, when each e-mail is due
and what it says. A decision does no I/O and reads no clock: the time is an argument.
"""

__version__ = "0.4.0"
