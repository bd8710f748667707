"""What outlives the process of a run: a sealed store, a journal of the robot's steps, remembered searches."""
