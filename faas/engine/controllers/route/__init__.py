"""A Route names the Revisions that get its requests, and under which hosts; the board tells the gateway."""
