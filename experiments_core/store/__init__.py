"""Second floor: DuckDB, and only DuckDB."""
