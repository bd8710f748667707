"""Meta-World's Sawyer arm (Yu et al., "Meta-World", CoRL 2019): eleven tasks, three cameras, in MuJoCo."""
