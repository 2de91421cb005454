"""The adapter of MQTT; `client` is paho's client, which acknowledges when it is told to."""

from faas.sources.adapters.mqtt.adapter import Options, retire, run

__all__ = ["Options", "retire", "run"]
