"""One e-mail, from due to sent to recorded: gate, compose, placeholder values, result, retry, delivery reports."""
