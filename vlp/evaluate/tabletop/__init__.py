"""Measurements on the tabletop: each command writes a small JSON file into results/."""
