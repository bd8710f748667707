"""What happens in a run, as events, and those that tell it."""
