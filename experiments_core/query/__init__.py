"""First floor: definitions to SQL text in DuckDB's dialect. Pure."""
