"""A Service manages the Configuration and the Route of its name, and sums up their state."""
