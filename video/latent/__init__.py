"""The model of video and action, learned from the pixels, words and actions of a dataset and nothing else."""
