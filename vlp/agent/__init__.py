"""The agent: it observes, searches, asks, acts and looks again."""
