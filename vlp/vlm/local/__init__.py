"""VLMs of transformers in this process."""
