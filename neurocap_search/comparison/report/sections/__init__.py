"""The sections of the report, one a file: each a function from the scene to its section."""
