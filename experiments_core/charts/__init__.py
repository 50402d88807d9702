"""Second floor: results to Plotly. Pure."""
