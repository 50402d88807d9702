"""First floor: where nouns meet mathematics. Pure."""
