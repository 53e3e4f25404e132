"""The life of one e-mail from due to recorded: gate, compose, placeholder values, result, retry, delivery reports."""
