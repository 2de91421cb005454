"""Images for functions."""
