"""A session: an instruction on a robot, begun, resumed, stopped."""
