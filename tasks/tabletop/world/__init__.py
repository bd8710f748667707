"""The tabletop's physics, camera and environment."""
