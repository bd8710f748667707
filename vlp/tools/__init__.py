"""The planner as tools of other agents' frameworks: the same ones of each, one file a framework."""
