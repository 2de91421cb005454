"""Every manifest that a project can make, as Knative's own definitions and a strict API server take it."""

from __future__ import annotations

import json
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from faas_runtime.declaring.registry import REGISTRY
from faas_runtime.declaring.spec import FunctionSpec
from faas_runtime.describe import describe
from faas_runtime.options.known import OPTIONS

from faas.deploy.objects.which import kind_of_manifest
from faas.project.errors import ProjectError
from faas.project.manifests.labels import Object
from faas.project.manifests.objects import Objects, make_objects
from faas.project.manifests.surroundings import Surroundings
from faas.project.pyproject.settings import load_settings
from faas.project.secret_values import SecretValue, read_config
from faas.project.services import make_services
from faas.resources.kinds import SERVED

EXAMPLES = Path(__file__).parents[2] / "examples"
CRDS = Path(__file__).parents[3] / "shared/crds"

PROJECT = """
[project]
name = "shop"

[tool.faas.secrets.db]
PASSWORD = {env = "DB"}
[tool.faas.config.limits]
MAX = "5"
logo = {file = "logo.bin"}

[tool.faas.brokers.orders]
class = "Kafka"
config = {kind = "ConfigMap", name = "kafka-broker-config", namespace = "knative-eventing"}
retry = 5
backoff = "linear"
backoff_delay = "500ms"
delivery_timeout = "30s"
dead_letter = "f"
annotations = {"kafka.eventing.knative.dev/external.topic" = "orders"}

[tool.faas.environments.staging]
namespace = "staging"
max_scale = 5
[tool.faas.environments.production]
namespace = "shop"
registry = "registry.example.org/team"
env = {STAGE = "production"}
domains = {quote = ["shop.example.org", "www.example.org"]}
functions.quote = {min_scale = 1}
brokers.default = {class = "MTChannelBasedBroker"}
config.limits.MAX = "50"
"""

EVERYTHING = """
from faas import Event, function

@function.schedule("*/5 * * * *", timezone="Europe/Berlin", data={"a": 1})
@function.mqtt("a/+", share="g", client_id="c", url="mqtts://${BROKER}", secret="s", qos=2, version=4)
@function.bucket("uploads", on=("created", "removed"), prefix="p/", suffix=".jpg", endpoint="http://s3.example:1",
                 region="eu", secret="s3", interval=5, path_style=True)
@function.bucket("told", notifications=True, secret="told")
@function.redis("s", start="earliest", batch=5)
@function.redis("s2", url="rediss://r", secret="r", group="g")
@function.kafka(["t", "u"], bootstrap="k:1", secret="k", consumers=2, start="earliest", ordering="unordered")
@function.rabbitmq("q", url="amqp://mq/v", exchange="e", exchange_type="topic", routing_key=["a.#"], durable=True)
@function.github("o/r", secret="gh", events=("push", "issues"), api_url="https://g/api/v3")
@function.kubernetes(["v1/Pod", "apps/v1/Deployment"], on="add", selector="a=b")
@function.kubernetes("v1/Secret", namespaces="x", service_account="w")
@function.webhook("/hook", secret="s", signature="X-Sig", signature_prefix="v1=", signed="{timestamp}.{body}",
                  timestamp_header="X-T", id_header="X-I", type="a.b", source="/s", algorithm="sha512", methods="PUT")
@function.webhook("/plain")
@function.event(type=["a", "b"], sql="subject = 'x'", filters=[{"not": {"exact": {"source": "/x"}}}],
                ordered_by="data.a.b", parallelism=3, backlog_target=4, retry=0, backoff="linear", backoff_delay="1s",
                delivery_timeout="10s", dead_letter="dl")
@function.event(type="c", broker="orders", ordered_by="subject", dead_letter="quote")
def f(event: Event) -> None: ...

@function(
    min_scale=1, max_scale=50, initial_scale=2, target=10.5, metric="rps", concurrency=5, timeout="90s", cpu="500m",
    memory="256Mi", env={"A": "1"}, secrets=["db"], config=["limits"], labels={"team": "sales"},
    scale_to_zero_after="5m", snapshot=False, container=True, visibility="cluster-local", max_body="1Mi",
    broker="orders", autoscaler="kpa", target_utilization=80, target_burst_capacity=-1, window="90s",
    activation_scale=3, scale_down_delay="15m", pod_retention="5m", rollout_duration="2m", progress_deadline="20m",
    domains=["other.example.org"], resources={"requests": {"cpu": "100m"}, "limits": {"ephemeral-storage": "1Gi"}},
    gpu=1, volumes={
        "/data": "pvc:data", "/work": "pvc:work:rw", "/scratch": "empty:1Gi", "/fast": "memory:64Mi", "/any": "empty",
        "/certs": "secret:certs", "/conf": "config:limits",
    },
    secret_env={"TOKEN": "db/PASSWORD"}, config_env={"MAX": "limits/MAX"}, service_account="quoter",
    image_pull_secrets=["registry"], node_selector={"disk": "ssd"},
    tolerations=[{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}, runtime_class="gvisor",
    annotations={"queue.sidecar.serving.knative.dev/resource-percentage": "10", "example.org/owner": "sales"},
)
def quote() -> str:
    return "1"
"""

# What the engine has no way to do, or has no use for on one machine, and says so; a cluster may be configured for it.
GATED = ("node_selector", "tolerations", "affinity", "runtime_class")
CLAIMS = ("/data", "/work")


def describe_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[FunctionSpec, ...]:
    monkeypatch.syspath_prepend(str(folder))
    modules = set(sys.modules)
    before, hooks = dict(REGISTRY.functions), list(REGISTRY.hooks)
    REGISTRY.clear()
    try:
        description = describe(folder)
    finally:
        REGISTRY.clear()
        REGISTRY.functions.update(before)
        REGISTRY.hooks[:] = hooks
        for name in set(sys.modules) - modules:
            if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
                del sys.modules[name]
    assert not description.errors, description.errors
    return description.functions


def objects_of(
    folder: Path, functions: tuple[FunctionSpec, ...], stage: str = "", *, for_cluster: bool = True
) -> Objects:
    settings = load_settings(folder, stage)
    variables = {"BROKER": "mq.example"}
    return make_objects(
        make_services(functions, settings), "registry.example.org/shop@sha256:" + "ab" * 32,
        project=settings.name, namespace=(settings.stage and settings.stage.namespace) or "default", root=folder,
        variables=variables, settings=settings, config=read_config(settings.config, root=folder, variables=variables),
        secrets={name: {key: SecretValue(b"value") for key in each.keys} for name, each in settings.secrets.items()},
        there=Surroundings() if for_cluster else None,
    )  # fmt: skip


def all_of(objects: Objects) -> list[Object]:
    return [
        *objects.access, *objects.config_maps, *objects.secrets, *objects.brokers, *objects.services,
        *objects.domain_mappings, *objects.triggers, *objects.sources,
    ]  # fmt: skip


@dataclass
class Whole:
    """A project that uses all there is, and its functions."""

    folder: Path
    functions: tuple[FunctionSpec, ...]


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Whole:
    folder = tmp_path / "whole"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "every_option_main.py").write_text(EVERYTHING)
    (folder / "logo.bin").write_bytes(b"\xff\xfe")
    return Whole(folder, describe_in(folder, monkeypatch))


# Knative's definitions, and nothing beside what they name.


def problems(schema: Mapping[str, Any], value: Any, path: str) -> Iterator[str]:
    """What a definition says against a value: also each field that it does not have, as strict validation does."""
    kind = schema.get("type")
    if schema.get("x-kubernetes-int-or-string"):
        kinds: tuple[type, ...] = (int, str)
    else:
        kinds = _TYPES.get(str(kind), (object,))
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds and object not in kinds):
        yield f"{path}: {value!r} is no {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if isinstance(value, dict):
        members, free = schema.get("properties") or {}, schema.get("additionalProperties")
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{path}.{name} is missing"
        for name, member in value.items():
            if name in members:
                yield from problems(members[name], member, f"{path}.{name}")
            elif isinstance(free, Mapping):
                yield from problems(free, member, f"{path}.{name}")
            elif not schema.get("x-kubernetes-preserve-unknown-fields") and (members or kind != "object"):
                yield f"{path}.{name}: there is no such field"
    if isinstance(value, list):
        for index, member in enumerate(value):
            yield from problems(schema.get("items") or {}, member, f"{path}[{index}]")


_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float),
    "boolean": (bool,),
}  # fmt: skip


def definitions() -> dict[tuple[str, str], Mapping[str, Any]]:
    """The schemas of Knative's kinds, by apiVersion and kind."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for file in [*CRDS.glob("serving/*.yaml"), *CRDS.glob("eventing/**/*.yaml")]:
        for document in yaml.safe_load_all(file.read_text()):
            if document and document.get("kind") == "CustomResourceDefinition":
                spec = document["spec"]
                for version in spec["versions"]:
                    schema = version["schema"]["openAPIV3Schema"]
                    schema = {**schema, "properties": {**schema.get("properties", {}), **_COMMON}}
                    found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


_COMMON = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
knative = pytest.mark.skipif(
    not CRDS.is_dir(), reason=f"Knative's resource definitions are not at {CRDS}: there is nothing to compare with"
)


def problems_of(objects: Objects) -> list[str]:
    known = definitions()
    found = []
    for manifest in all_of(objects):
        which = manifest["apiVersion"], manifest["kind"]
        if which[0] not in ("v1", "rbac.authorization.k8s.io/v1"):  # Kubernetes' own
            found += list(problems(known[which], manifest, manifest["kind"]))
    return found


def test_every_option_is_tried(whole: Whole) -> None:
    given = {option for function in whole.functions for option in function.options}

    assert given == set(OPTIONS) - {"name", "service"}


@knative
@pytest.mark.parametrize("stage", ["", "staging", "production"])
def test_knatives_definitions_take_every_field(whole: Whole, stage: str) -> None:
    assert problems_of(objects_of(whole.folder, whole.functions, stage)) == []


@knative
@pytest.mark.parametrize("name", ["hello", "iot", "orders", "thumbnails", "weather"])
def test_knatives_definitions_take_every_field_of_the_examples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = EXAMPLES / name
    assert problems_of(objects_of(folder, describe_in(folder, monkeypatch))) == []


# A server that refuses what it does not know.


@pytest.fixture
def refused(api: Any) -> Any:
    context = ssl._create_unverified_context()

    def ask(manifest: Object) -> str:
        kind = kind_of_manifest(manifest)
        metadata = manifest["metadata"]
        group = f"apis/{kind.group}" if kind.group else "api"
        path = f"{group}/{kind.version}/namespaces/{metadata['namespace']}/{kind.plural}/{metadata['name']}"
        request = urllib.request.Request(
            f"{api.url}/{path}?fieldManager=faas&fieldValidation=Strict&dryRun=All", json.dumps(manifest).encode(),
            {"Authorization": f"Bearer {api.token}", "Content-Type": "application/apply-patch+yaml"}, method="PATCH",
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, context=context, timeout=30) as answer:
                json.load(answer)
                return ""
        except urllib.error.HTTPError as error:
            return f"{kind.kind} {metadata['name']}: {json.load(error)['message']}"

    return ask


def served(objects: Objects) -> list[Object]:
    """Those of kinds that the engine has."""
    return [each for each in all_of(objects) if kind_of_manifest(each) in SERVED]


@pytest.mark.parametrize("for_cluster", [True, False], ids=["as for a cluster", "as for the engine"])
def test_a_strict_server_takes_all_but_what_only_a_cluster_can_do(
    whole: Whole, refused: Any, for_cluster: bool
) -> None:
    for option in GATED:
        for function in whole.functions:
            function.options.pop(option, None)
    for function in whole.functions:
        for path in CLAIMS:
            function.options.get("volumes", {}).pop(path, None)

    objects = objects_of(whole.folder, whole.functions, for_cluster=for_cluster)

    assert [problem for manifest in served(objects) if (problem := refused(manifest))] == []


def test_what_a_cluster_has_to_allow_is_refused_by_its_name(whole: Whole, refused: Any) -> None:
    (service,) = [each for each in objects_of(whole.folder, whole.functions).services
                  if each["metadata"]["name"] == "quote"]  # fmt: skip

    said = refused(service)

    for word in ("nodeSelector", "tolerations", "runtimeClassName", "Persistent volume claim support is disabled"):
        assert word in said


@pytest.mark.parametrize("name", ["hello", "iot", "orders", "thumbnails", "weather"])
def test_a_strict_server_takes_the_examples(name: str, refused: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = EXAMPLES / name
    functions = describe_in(folder, monkeypatch)

    for for_cluster in (True, False):
        objects = objects_of(folder, functions, for_cluster=for_cluster)
        assert [problem for manifest in served(objects) if (problem := refused(manifest))] == []


def test_a_host_has_one_service(whole: Whole) -> None:
    for function in whole.functions:
        function.options["domains"] = ["same.example.org"]

    with pytest.raises(ProjectError, match=r"same\.example\.org is the domain of f and of quote"):
        objects_of(whole.folder, whole.functions)
