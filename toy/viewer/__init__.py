"""What the live views show, with a server or without: what is computed for them, packed, and the views themselves."""
