"""config-network: host names, and how fast traffic moves. Source: knative/networking pkg/config."""

# ruff: noqa: RUF009 (a setting is a dataclasses.field with its documentation; its value is frozen)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from faas.resources.config.settings import ConfigError, boolean, integer, read, setting
from faas.resources.config.templates import Template


def _domain_template(text: str) -> Template:
    return Template(text, ("Name", "Namespace", "Domain"))


def _tag_template(text: str) -> Template:
    return Template(text, ("Name", "Tag"))


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """How a Route's hosts are made, and who may have which domain."""

    domain_template: Template = setting(
        "domain-template",
        _domain_template,
        "{{.Name}}.{{.Namespace}}.{{.Domain}}",
        "Host name of a Route: a text with {{.Name}}, {{.Namespace}} and {{.Domain}}.",
    )
    tag_template: Template = setting(
        "tag-template",
        _tag_template,
        "{{.Tag}}-{{.Name}}",
        "What stands for the name in the host of a tag: a text with {{.Tag}} and {{.Name}}.",
    )
    rollout_duration_s: int = setting(
        "rollout-duration", integer, "0", "Seconds over which traffic moves to a new Revision; 0 is at once."
    )

    autocreate_cluster_domain_claims: bool = setting(
        "autocreate-cluster-domain-claims",
        boolean,
        "true",
        "Whether a DomainMapping claims its domain by itself. false, as on a cluster where Knative's own default is in "
        "force: somebody has to make the ClusterDomainClaim that gives the domain to a namespace.",
    )

    def label(self, name: str, tag: str = "") -> str:
        """The name of a Route, or of one tag of it, as it stands in hosts."""
        return self.tag_template.render(Name=name, Tag=tag) if tag else name

    def host(self, name: str, namespace: str, domain: str, tag: str = "") -> str:
        """The public host of a Route, or of one tag of it."""
        return self.domain_template.render(Name=self.label(name, tag), Namespace=namespace, Domain=domain)


def parse_network(data: Mapping[str, str]) -> NetworkConfig:
    """Raises ConfigError."""
    config = read(NetworkConfig, data)
    if config.rollout_duration_s < 0:
        raise ConfigError(f"rollout-duration must be a positive integer, but was {config.rollout_duration_s}")
    for field in ("Name", "Domain"):
        if not config.domain_template.uses(field):
            raise ConfigError(f"domain-template has to contain {{{{.{field}}}}}, or hosts would not be unique")
    for field in ("Name", "Tag"):
        if not config.tag_template.uses(field):
            raise ConfigError(f"tag-template has to contain {{{{.{field}}}}}, or hosts would not be unique")
    return config
