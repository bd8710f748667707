"""What all training has in common: trainer, feeding, attention, precision."""
