"""Ground floor: mathematics under its textbook names. Pure; knows no experiment."""
