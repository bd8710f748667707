"""What carries out programs of relations, learned: the next push, and how far it is to the end."""
