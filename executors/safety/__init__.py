"""Safety layer between any action and a robot: stop, lease, gates, watchdogs."""
