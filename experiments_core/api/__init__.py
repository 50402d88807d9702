"""Top floor: REST over the services."""
