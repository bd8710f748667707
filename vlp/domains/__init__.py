"""Worlds that the agent can work in."""
