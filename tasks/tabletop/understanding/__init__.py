"""Understanding of an operator's own words: spelling, grammar, readings, suggestions."""
