"""The back office of a cooperative that co-owns charging hubs. ARCHITECTURE.md is the way in."""
