"""What is run by hand while building: the fonts of documents."""
