"""The tabletop on the bench: its tasks, methods and bounds, and the judge of imagined plans."""
