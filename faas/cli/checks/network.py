"""How requests come to functions: the ingress, and the domain of their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faas.cli.checks.check import Check
from faas.cli.checks.view import SERVING
from faas.client.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from faas.cli.checks.view import View

_DEFAULT_DOMAIN = "svc.cluster.local"
_MAGIC = ("sslip.io", "nip.io", "xip.io")  # DNS services in whose names the address stands itself
_FORWARD = "A forwarded port leads there:  faas invoke NAME --via port-forward"


async def ingress(view: View) -> Check:
    """Whether requests from outside have a way in."""
    from faas.client.services.ingress import NoIngress, addresses_of, gateway_of_class, ingress_class, read_gateway

    try:
        name = await ingress_class(view.client)
    except NoIngress as missing:
        return Check("ingress", "unknown", missing.reason)
    try:
        gateway = await gateway_of_class(view.client, name, internal=False)
        service = await read_gateway(view.client, gateway)
    except NoIngress as missing:
        if missing.lacking:
            return Check("ingress", "unknown", f"{name}: {missing.reason}")
        fix = "Have one installed:  https://knative.dev/docs/install/ (networking layer)"
        return Check("ingress", "error", f"{name}: {missing.reason}", fix)
    found, why = await addresses_of(view.client, service, "http", view.client.cluster.server)
    if not found:
        return Check("ingress", "warning", f"{name}: {why}", f"{_FORWARD}; others need an address")
    return Check("ingress", "ok", f"{name} at {found[0]}")


async def domain(view: View) -> Check:
    """Under which domain functions get their names."""
    try:
        config = await view.config("config-domain", SERVING)
    except Forbidden:
        return Check("domain", "unknown", f"ConfigMap config-domain in {SERVING} may not be read")
    except NotFound:
        config = {}
    names = [name for name, selector in config.items() if not selector.strip()] or list(config)
    if not names:
        found = f"names end in {_DEFAULT_DOMAIN}, Knative's default: functions are to be had inside the cluster only"
        return Check("domain", "warning", found, f"{_set_domain('example.org')}  ({_FORWARD})")
    name = names[0]
    if name == "example.com":
        found = "names end in example.com, a placeholder: no DNS leads to the cluster"
        return Check("domain", "warning", found, f"{_set_domain('your.domain')}  ({_FORWARD})")
    if name.endswith(_MAGIC):
        return Check("domain", "ok", f"{name}: names that lead to the address in them, for trying out")
    if name.endswith(_DEFAULT_DOMAIN):
        return Check(
            "domain", "warning", f"names end in {name}: to be had inside the cluster only", _set_domain("your.domain")
        )
    return Check("domain", "ok", f"{name}; its DNS has to lead *.{name} to the ingress")


async def domain_claims(view: View) -> Check:
    """Custom domains need a claim; a cluster may make it, or leave that to an administrator."""
    from faas.resources.kinds import CLUSTER_DOMAIN_CLAIM

    wanted = view.needs.domains
    if not wanted:
        return Check("domains", "ok", "not asked, the project has no domains of its own")
    try:
        config = await view.config("config-network", SERVING)
    except Forbidden:
        return Check("domains", "unknown", f"ConfigMap config-network in {SERVING} may not be read")
    except NotFound:
        config = {}
    if config.get("autocreate-cluster-domain-claims", "false").lower() == "true":
        return Check("domains", "ok", f"{', '.join(wanted)}: claimed with their DomainMappings")
    missing = []
    for name in wanted:
        try:
            claim = await view.get(CLUSTER_DOMAIN_CLAIM, name)
        except Forbidden:
            return Check("domains", "unknown", f"whether {name} is claimed for {view.namespace} may not be read")
        except NotFound:
            missing.append(name)
            continue
        if (holder := (claim.get("spec") or {}).get("namespace")) != view.namespace:
            return Check("domains", "error", f"{name} belongs to namespace {holder}", "Ask whoever runs the cluster")
    if missing:
        patch = '{"data":{"autocreate-cluster-domain-claims":"true"}}'
        fix = f"As an administrator, make a ClusterDomainClaim for namespace {view.namespace}, or let that happen:  "
        fix += f"kubectl patch configmap config-network -n {SERVING} --type merge -p '{patch}'"
        return Check("domains", "error", f"nobody has claimed {', '.join(missing)}", fix)
    return Check("domains", "ok", f"{', '.join(wanted)}: claimed for {view.namespace}")


def _set_domain(name: str) -> str:
    return (
        f'Set one:  kubectl patch configmap config-domain -n {SERVING} --type merge -p \'{{"data":{{"{name}":""}}}}\''
    )
