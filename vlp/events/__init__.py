"""Events of a run, and those that tell it."""
