"""Guards: which imagined branches may not be acted on."""
