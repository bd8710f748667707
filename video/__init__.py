"""The video model: text and a first frame in, short clips out."""
