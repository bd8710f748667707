"""Meta-World's simulated arm as a robot, and what follows clips on it."""
