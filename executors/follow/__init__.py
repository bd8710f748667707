"""From an imagined clip to actions."""
