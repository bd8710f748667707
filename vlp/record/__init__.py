"""Records of a run: its folder, decisions, plans, films."""
