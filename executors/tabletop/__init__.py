"""The tabletop's simulated robot, its policies, and its rules for actions."""
