"""Datasets: LeRobotDataset v3.0 in and out, footage and video files."""
