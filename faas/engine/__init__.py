"""The embedded engine: Knative's behaviour for one machine. Only `main` knows all the parts; the parts are siblings."""
