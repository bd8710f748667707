"""The tabletop as a world for the agent."""
