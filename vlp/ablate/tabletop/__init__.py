"""What an ablation measures on the tabletop beside whole episodes: imagined plans."""
