"""Blocks' poses from a picture of the board."""
