"""What a run leaves: its folder, decisions, plans, films."""
