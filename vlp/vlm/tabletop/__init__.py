"""The bundled VLM of the tabletop."""
