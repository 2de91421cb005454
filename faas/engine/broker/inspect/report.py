"""Brokers, triggers and sources as the board has them, for `faas broker`, `faas trigger` and `faas source`."""

from __future__ import annotations

from typing import Any

from faas.engine.contract.board import Board
from faas.engine.contract.eventing import BrokerConfig, TriggerConfig
from faas.engine.contract.sources import SourcePlan


def make_report(board: Board, namespace: str = "") -> dict[str, Any]:
    """Args: namespace: "" is all of them. Nothing in it is a secret."""

    def here(key: str) -> bool:
        return not namespace or key.partition("/")[0] == namespace

    brokers = [_broker(board, key, config) for key, config in sorted(board.brokers.items()) if here(key)]
    triggers = [_trigger(board, key, config) for key, config in sorted(board.triggers.items()) if here(key)]
    plans = sorted(board.sources.items(), key=lambda pair: str(pair[0]))
    sources = [_source(board, plan) for key, plan in plans if namespace in ("", key.namespace)]
    return {"brokers": brokers, "triggers": triggers, "sources": sources}


def _named(key: str) -> dict[str, Any]:
    namespace, _, name = key.partition("/")
    return {"namespace": namespace, "name": name}


def _broker(board: Board, key: str, config: BrokerConfig) -> dict[str, Any]:
    status = board.broker_status.get(key)
    limits = {
        "retentionSeconds": config.retention_s,
        "maxBytes": config.max_bytes,
        "maxEventBytes": config.max_event_bytes,
    }
    if status is None:
        return {**_named(key), **limits, "ready": False, "reason": "Starting"}
    return {
        **_named(key),
        **limits,
        "ready": status.ready,
        "reason": status.reason,
        "message": status.message,
        "events": status.events,
        "bytes": status.bytes,
        "dead": status.dead,
        "heldBy": status.held_by,
    }


def _trigger(board: Board, key: str, config: TriggerConfig | None) -> dict[str, Any]:
    """Without a configuration it is held: its events wait until it can be delivered to."""
    status = board.trigger_status.get(key)
    found: dict[str, Any] = {**_named(key), "held": config is None}
    if config is not None:
        delivery = config.delivery
        found |= {
            "broker": config.broker,
            "subscriber": config.subscriber_uri,
            "orderedBy": config.ordered_by,
            "parallelism": config.parallelism,
            "delivery": {
                "attempts": delivery.retry + 1,
                "backoffPolicy": delivery.backoff_policy,
                "backoffDelaySeconds": delivery.backoff_delay_s,
                "timeoutSeconds": delivery.timeout_s,
                "retryAfterMaxSeconds": delivery.retry_after_max_s,
                "deadLetterSink": delivery.dead_letter_uri,
                "deadLetterStream": delivery.dead_letter_stream,
            },
        }
    if status is not None:
        found |= {
            "backlog": status.backlog,
            "waiting": status.waiting,
            "inFlight": status.in_flight,
            "retrying": status.retrying,
            "delivered": status.delivered,
            "failed": status.failed,
            "dead": status.dead,
            "behind": status.behind,
            "lastError": status.last_error,
        }
    return found


def _source(board: Board, plan: SourcePlan) -> dict[str, Any]:
    status = board.source_status.get(plan.key)
    found: dict[str, Any] = {
        "resource": plan.key.resource,
        "namespace": plan.key.namespace,
        "name": plan.key.name,
        "adapter": plan.adapter,
        "receives": plan.receives,
        "replicas": plan.replicas,
    }
    if status is not None:
        found |= {
            "state": status.state,
            "reason": status.reason,
            "message": status.message,
            "events": status.events,
            "restarts": status.restarts,
        }
    return found
