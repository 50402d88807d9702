"""Second floor: results to documents. Pure."""
