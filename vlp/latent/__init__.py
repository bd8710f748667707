"""An agent that sees pixels only: its parts from a learned model of video and action, for any world."""
