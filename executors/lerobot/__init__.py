"""Arms that LeRobot drives: a bridge in LeRobot's own environment, and our side of it."""
