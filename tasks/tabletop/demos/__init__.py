"""Demonstrations of the tabletop: a scripted expert, play, and what is kept of them."""
