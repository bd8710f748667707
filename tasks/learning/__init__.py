"""Training parts that all models share: trainer, feeding, attention, precision."""
