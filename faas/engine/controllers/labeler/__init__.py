"""Labels each Revision with whether a Route sends requests to it: the autoscaler and the collector go by that."""
