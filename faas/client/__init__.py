"""Talk to a Kubernetes API: the Protocol that all code uses, its errors, and the implementation over HTTPS.

- `protocol`, `errors`: what is asked, and how it is refused; `http`: the implementation
- `contexts`, `targets`, `state`: the places there are, and which is meant
- `kubeconfig_files`, `kubeconfig`, `in_cluster`: what they say of a server and of who asks
- `credentials`, `plugins`, `tls`, `proxies`, `servers`: how that becomes a connection
- `transport`, `pace`, `refusals`: one request, with patience; `watching`, `creations`, `lines`: what is got over
- `access`, `visible`, `ingress`, `portforward`, `service_proxy`, `broker_address`, `store`: what is asked of clusters;
  `eventing`: of the engine
"""
