"""Models of a run: which it uses, where they come from and where they run."""
