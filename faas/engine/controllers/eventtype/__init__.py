"""An EventType describes events that can be had; what it refers to should exist."""
