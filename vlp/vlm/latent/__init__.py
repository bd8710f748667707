"""A VLM that is learned from a dataset's pictures and words alone: subgoals, steps-to-go, success."""
