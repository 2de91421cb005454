"""Events: through the whole engine, into it, by MQTT, and what a million of them take."""
