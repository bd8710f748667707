"""Followers of imagined clips: from a clip to actions."""
