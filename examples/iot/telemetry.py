"""From a sensor's message to an alert, and from the alert to whoever has to know."""

from __future__ import annotations

import time
from dataclasses import dataclass

from faas import Context, Event, function

TOO_HOT = 60.0  # degrees Celsius


@dataclass
class Reading:
    device: str
    celsius: float


@dataclass
class Alert:
    device: str
    celsius: float
    limit: float


# One device's readings one after another, in order; those of different devices side by side.
@function.mqtt("sensors/+/temperature", qos=1, ordered_by="subject", reply_type="com.acme.sensor.hot", concurrency=50)
def watch(reading: Reading) -> Alert | None:
    """None publishes nothing: most readings are fine."""
    if reading.celsius <= TOO_HOT:
        return None
    return Alert(reading.device, reading.celsius, TOO_HOT)


@function.event(type="com.acme.sensor.hot")
def alarm(alert: Alert, event: Event[Alert], ctx: Context) -> None:
    waited_ms = (time.time() - event.time.timestamp()) * 1000 if event.time else 0.0
    ctx.log.warning(
        f"{alert.device} is at {alert.celsius} °C, {alert.celsius - alert.limit:.1f} too hot",
        waited_ms=round(waited_ms),
    )
