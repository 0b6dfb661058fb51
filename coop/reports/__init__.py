"""What a document says (pure data), and how it is drawn: tagged PDF/A-3 with a JSON twin inside."""
