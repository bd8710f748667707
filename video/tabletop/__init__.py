"""The tabletop's own video model: a denoiser of block poses, and a renderer."""
