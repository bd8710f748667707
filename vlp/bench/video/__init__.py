"""`vlp bench video`: video models on the same held-out clips."""
