"""Acting: from a wanted frame to actions, closed loop, behind a gate."""
