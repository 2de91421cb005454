"""A Trigger delivers a Broker's events to its subscriber: resolved here, delivered by the broker's process."""
