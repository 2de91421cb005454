"""A DomainMapping gives a Service or Route a domain of its own; a ClusterDomainClaim says whose namespace's it is."""
