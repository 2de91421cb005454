"""A SinkBinding gives the functions of Knative Services the address of a sink, K_SINK.

Knative writes it into the Service. Here it goes into the Configuration that the Service makes: nobody who applies the
Service has to share its containers with us, and it is gone with the binding.
"""
