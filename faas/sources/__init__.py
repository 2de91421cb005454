"""Adapters: programs that turn the outside into CloudEvents and send them to K_SINK. `python -m faas.sources MQTT …`.

They acknowledge upstream only after the sink has taken the event. On one machine the engine runs them as processes, in
a cluster a ContainerSource does; they know neither.
"""
