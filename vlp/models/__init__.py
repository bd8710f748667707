"""Which models a run uses, where they come from and where they run."""
