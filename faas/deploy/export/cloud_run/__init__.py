"""What Cloud Run takes of an edition: `services`, with `probes`, and what it does not take. Pure."""
