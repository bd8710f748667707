"""Acting from pictures alone, in any world: from a frame now and a frame wanted to actions."""
