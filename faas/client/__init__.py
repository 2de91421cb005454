"""Talk to a Kubernetes API: the Protocol that all code uses, its errors, and the implementation over HTTPS."""
