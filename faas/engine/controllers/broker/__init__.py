"""A Broker takes events at one address: the ingress, which all Brokers share, told apart by the path."""
