"""The tabletop: blocks on a board, pushed by one effector; seen by one camera."""
