"""Third floor: use cases that authorise, load, decide and commit."""
