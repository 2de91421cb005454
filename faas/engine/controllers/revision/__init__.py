"""A Revision becomes a plan for instances and a policy for the gateway; what they do becomes its conditions."""
