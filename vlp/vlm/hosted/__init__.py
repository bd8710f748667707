"""VLMs behind an OpenAI-compatible server."""
