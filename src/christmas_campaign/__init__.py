"""The decisions of an e-mail campaign that runs on Kestra.

Kestra waits, retries and talks to the network; the functions of this package decide what a payload means, who is enrolled,
which e-mail is due when, and what it says. They do no I/O and read no clock: the time is an argument.
"""

__version__ = "0.4.0"
