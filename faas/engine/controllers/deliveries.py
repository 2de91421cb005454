"""From DeliverySpecs to what the broker's process goes by. Pure. Source: knative/eventing pkg/apis/duck/v1."""

from __future__ import annotations

from msgspec.structs import replace

from faas.engine.contract.eventing import Delivery
from faas.resources import periods
from faas.resources.duck import Delivery as DeliverySpec

DEFAULT = Delivery()  # config-br-defaults: 10 retries, exponential, PT0.2S


def make_delivery(trigger: DeliverySpec | None, broker: DeliverySpec | None, *, sink: str, stream: str) -> Delivery:
    """A Trigger's delivery counts as a whole, else its Broker's, else the default; what is absent in one is off.

    Args:
        sink: URL of the dead-letter sink, the Trigger's or its Broker's; "" without one.
        stream: name of a built-in dead-letter stream; "" for the Broker's own.
    """
    spec = trigger if trigger is not None else broker
    timed = DEFAULT if spec is None else _timed(spec)
    return replace(timed, dead_letter_uri=sink, dead_letter_stream="" if sink else stream)


def _timed(spec: DeliverySpec) -> Delivery:
    return Delivery(
        retry=spec.retry or 0,
        backoff_policy="linear" if spec.backoff_policy == "linear" else "exponential",
        # Without a policy or a delay the wait is 0, as in Knative.
        backoff_delay_s=periods.parse_s(spec.backoff_delay) if spec.backoff_policy and spec.backoff_delay else 0.0,
        timeout_s=periods.parse_s(spec.timeout) if spec.timeout else None,
        retry_after_max_s=periods.parse_s(spec.retry_after_max) if spec.retry_after_max else None,
    )
