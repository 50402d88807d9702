"""Ground floor: the nouns and their rules. Pure."""
