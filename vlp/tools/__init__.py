"""The planner as tools of other agents' frameworks: the same five of each, one file a framework."""
