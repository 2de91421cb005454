"""Events to a cluster's Broker: once, unless it is certain that they did not arrive."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from faas.client.services.broker_address import BrokerAddress, BrokerFailed
from faas.client.services.service_proxy import NothingBehind

BROKER = {
    "metadata": {"name": "default"},
    "status": {"address": {"url": "http://broker-ingress.knative-eventing.svc.cluster.local/team/default"}},
}
EVENT = {"specversion": "1.0", "id": "7", "source": "/test", "type": "order"}


def refused(code: int, message: str) -> dict[str, Any]:
    reason = {429: "TooManyRequests", 503: "ServiceUnavailable"}[code]
    return {"kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}


def send(scripted: Any, *replies: Any) -> int:
    """How many requests it took."""

    async def scenario() -> int:
        async with scripted(*replies) as (client, script):
            try:
                await BrokerAddress(client, BROKER).send([EVENT])
            finally:
                scenario_seen.append(len(script.seen))
        return scenario_seen[0]

    scenario_seen: list[int] = []
    try:
        return asyncio.run(scenario())
    except Exception as error:
        error.add_note(str(scenario_seen[0]))
        raise


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_what_a_broker_has_failed_with_is_not_sent_again(scripted: Any, reply: Any, code: int) -> None:
    with pytest.raises(BrokerFailed, match=f"Broker default answered {code}") as failed:
        send(scripted, reply("no luck", status=code), reply({}))

    assert failed.value.__notes__ == ["1"]
    assert failed.value.code == code


def test_what_the_api_server_did_not_let_through_is_sent_again(scripted: Any, reply: Any) -> None:
    busy = reply(refused(429, "too many requests"), status=429)
    away = reply(refused(503, "the server is currently unable to handle the request"), status=503)
    unreachable = reply("error trying to reach service: dial tcp 10.0.0.7:80: connect: connection refused", status=503)

    assert send(scripted, busy, away, unreachable, reply({})) == 4


def test_what_was_lost_on_the_way_is_not_sent_again(scripted: Any, reply: Any) -> None:
    with pytest.raises(BrokerFailed, match="Broker default: ") as failed:
        send(scripted, reply(broken=True), reply({}))

    assert failed.value.__notes__ == ["1"]


def test_an_ingress_without_a_pod_is_said_as_such(scripted: Any, reply: Any) -> None:
    none = reply(refused(503, 'no endpoints available for service "broker-ingress"'), status=503)

    with pytest.raises(NothingBehind):
        send(scripted, none)
