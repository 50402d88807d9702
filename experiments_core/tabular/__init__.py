"""Ground floor: what is this file? Pure: bytes and text in, verdicts out."""
