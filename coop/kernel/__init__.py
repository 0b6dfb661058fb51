"""Values every room shares. Standard library only: no database, no I/O, no framework."""
