"""Measurements on held-out seeds; each command writes a small JSON file into results/."""

FIRST_SEED = 1_000_000
"""Evaluation seeds start here; training seeds end below."""
