"""Talk to a Kubernetes API: the Protocol that all code uses, its errors, and the implementation over HTTPS.

- `protocol`, `errors`: what is asked, and how it is refused; `visible`: what of it this user may see
- `kubeconfigs`: which API servers there are; `credentials`: who asks; `transport`: one request; `http`: the Protocol
- `places`: the engine of this machine and the clusters; `services`: what lies behind their API servers
"""
