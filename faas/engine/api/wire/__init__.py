"""The Kubernetes wire: media types, bodies, tables, discovery, OpenAPI. Turns values into bytes; knows no sockets."""
