"""What lies behind an API server, and the ways there.

- `access`: whether one may; `ingress`: where requests come into a cluster; `portforward`: to a port of a Pod
- `service_proxy`: to a Service, through the API server; `broker_address`, `store`: Brokers and dead letters that way
- `eventing`: what the engine tells of events, which a cluster does not
"""
