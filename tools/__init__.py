"""What is run by hand while building: the schema file, the fonts."""
