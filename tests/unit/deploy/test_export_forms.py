"""What an edition is as manifests, for Cloud Run and as rights; and files in a folder that is the user's too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from faas.deploy.export.cloud_run.services import make_cloud_run
from faas.deploy.export.documents import file_names, to_documents, to_yaml
from faas.deploy.export.editions.edition import Edition, NeededSecret, make_edition, moved
from faas.deploy.export.folder import INDEX, NotOurs, write_files
from faas.deploy.export.rbac import make_rbac
from faas.deploy.programs.dead_letters import make_sink

CLOUD_RUN = Path(__file__).parents[4] / "shared" / "crds" / "cloudrun" / "run.v1.json"
IMAGE = "europe-docker.pkg.dev/acme/apps/shop@sha256:" + "ab" * 32


def service(
    name: str = "web",
    *,
    container: Mapping[str, Any] = {},
    spec: Mapping[str, Any] = {},
    annotations: Mapping[str, Any] = {},
    **metadata: Any,
) -> Any:
    own = {"labels": {"faas.dev/project": "shop", "app.kubernetes.io/managed-by": "faas"}, **metadata}
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "team", **own},
        "spec": {
            "template": {
                "metadata": {"labels": dict(own["labels"]), "annotations": dict(annotations)},
                "spec": {"containerConcurrency": 20, **spec, "containers": [{"image": IMAGE, **container}]},
            }
        },
    }


def obj(api: str, kind: str, name: str, **more: Any) -> Any:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "team"}, **more}


BROKER = obj("eventing.knative.dev/v1", "Broker", "default")
TRIGGER = obj("eventing.knative.dev/v1", "Trigger", "paid", spec={"broker": "default"})
PING = obj("sources.knative.dev/v1", "PingSource", "tick", spec={"schedule": "* * * * *"})
CONFIG = obj("v1", "ConfigMap", "texts", data={"motto": "one\ntwo\n"})
DOMAIN = obj(
    "serving.knative.dev/v1beta1", "DomainMapping", "shop.example.org",
    spec={"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "web"}},
)  # fmt: skip


def edition(*objects: Any, **more: Any) -> Edition:
    return make_edition("shop", "team", objects, **more)


# Manifests


def test_objects_stand_in_the_order_in_which_they_are_applied_then_by_name() -> None:
    made = edition(PING, service("web"), TRIGGER, DOMAIN, CONFIG, service("api"), BROKER)

    assert [(each["kind"], each["metadata"]["name"]) for each in made.objects] == [
        ("ConfigMap", "texts"), ("Broker", "default"), ("Service", "api"), ("Service", "web"),
        ("DomainMapping", "shop.example.org"), ("Trigger", "paid"), ("PingSource", "tick"),
    ]  # fmt: skip


def test_nobody_is_said_to_manage_what_is_exported() -> None:
    (made,) = edition(service()).objects

    assert made["metadata"]["labels"] == {"faas.dev/project": "shop"}


def test_secrets_are_told_by_name_and_key_with_who_needs_them() -> None:
    made = edition(
        service(
            container={"env": [{"name": "DSN", "valueFrom": {"secretKeyRef": {"name": "db", "key": "dsn"}}}]},
            spec={"volumes": [{"name": "mail", "secret": {"secretName": "mail"}}]},
        ),
        secrets={"mail": ["password", "user"]},
    )

    assert made.secrets == (
        NeededSecret("db", ("dsn",), ("web",)),
        NeededSecret("mail", ("password", "user"), ("web",)),
    )


def test_another_namespace_is_said_wherever_an_object_says_its_own() -> None:
    sink = "http://broker-ingress.knative-eventing.svc.cluster.local/{}/default"
    env = [{"name": "K_SINK", "value": sink.format("team")}, {"name": "OTHER", "value": "team"}]

    there = moved(service(container={"env": env}), "prod")

    assert there["metadata"]["namespace"] == "prod"
    assert there["spec"]["template"]["spec"]["containers"][0]["env"] == [
        {"name": "K_SINK", "value": sink.format("prod")}, {"name": "OTHER", "value": "team"},
    ]  # fmt: skip
    assert moved({**PING, "spec": {"consumerGroup": "faas.team.tick"}}, "prod")["spec"] == {
        "consumerGroup": "faas.prod.tick"
    }


def test_yaml_shows_lines_as_lines_and_never_wraps_a_value() -> None:
    long = "word " * 60

    assert to_yaml({"motto": "one\ntwo\n", "long": long + "end"}) == f"motto: |\n  one\n  two\nlong: {long}end\n"
    assert list(yaml.safe_load_all(to_documents([BROKER, CONFIG]))) == [BROKER, CONFIG]


def test_two_kinds_of_one_word_have_files_of_their_own() -> None:
    other = obj("v1", "Service", "web")

    assert list(file_names([service("web"), other])) == ["service-web.yaml", "v1-service-web.yaml"]


# Cloud Run


def _check(value: Any, schema: Any, schemas: Any, where: str) -> None:
    """Every field is one that the discovery document has, of its type."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    types: dict[str, Any] = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}
    assert isinstance(value, types[schema.get("type", "object")]), where
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, schema["items"], schemas, f"{where}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
            assert inner is not None, f"{where} has no field {key}"
            assert "Not supported" not in inner.get("description", ""), f"{where}.{key} is not supported"
            _check(item, inner, schemas, f"{where}.{key}")


def assert_cloud_run_takes(objects: list[Any]) -> None:
    if not CLOUD_RUN.exists():
        pytest.skip("../shared/crds/cloudrun is not here")
    schemas = json.loads(CLOUD_RUN.read_text())["schemas"]
    for each in objects:
        _check(each, {"$ref": each["kind"]}, schemas, each["kind"])


RICH = service(
    labels={"faas.dev/project": "shop", "networking.knative.dev/visibility": "cluster-local", "team/cost": "A B"},
    annotations={
        "autoscaling.knative.dev/min-scale": "1", "autoscaling.knative.dev/max-scale": "5",
        "autoscaling.knative.dev/window": "60s", "faas.dev/scale-to-zero-after": "10m", "faas.dev/snapshot": "false",
    },
    spec={
        "containerConcurrency": 2000, "timeoutSeconds": 7200, "serviceAccountName": "robot",
        "tolerations": [{"key": "gpu"}], "enableServiceLinks": False,
        "volumes": [
            {"name": "one", "secret": {"secretName": "mail"}}, {"name": "many", "secret": {"secretName": "db"}},
            {"name": "cfg", "configMap": {"name": "texts"}}, {"name": "tmp", "emptyDir": {"medium": "Memory"}},
            {"name": "disk", "persistentVolumeClaim": {"claimName": "cache"}},
        ],
    },
    container={
        "env": [
            {"name": "FAAS_FUNCTION", "value": "main:web"}, {"name": "K_SINK", "value": "http://x"},
            {"name": "DSN", "valueFrom": {"secretKeyRef": {"name": "db", "key": "dsn"}}},
            {"name": "NOTE", "valueFrom": {"configMapKeyRef": {"name": "texts", "key": "motto"}}},
        ],
        "ports": [{"name": "h2c", "containerPort": 9000, "protocol": "TCP"}],
        "volumeMounts": [{"name": name, "mountPath": f"/{name}", "readOnly": True}
                         for name in ("one", "many", "cfg", "tmp", "disk")],
        "readinessProbe": {"httpGet": {"path": "/_faas/ready", "scheme": "HTTP"}, "successThreshold": 1},
        "livenessProbe": {"exec": {"command": ["true"]}},
        "securityContext": {"runAsNonRoot": True},
        "resources": {"limits": {"cpu": "2", "memory": "1Gi", "ephemeral-storage": "1Gi"}},
    },
)  # fmt: skip


def test_cloud_run_gets_what_it_takes_of_a_service() -> None:
    made, _ = make_cloud_run(edition(RICH, DOMAIN, secrets={"mail": ["password"], "db": ["dsn", "user"]}))

    assert made == [
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {
                "name": "web",
                "labels": {"faas-project": "shop"},
                "annotations": {"run.googleapis.com/ingress": "internal"},
            },
            "spec": {
                "template": {
                    "metadata": {
                        "annotations": {
                            "autoscaling.knative.dev/maxScale": "5", "autoscaling.knative.dev/minScale": "1",
                        }
                    },
                    "spec": {
                        "containerConcurrency": 1000,
                        "timeoutSeconds": 3600,
                        "containers": [
                            {
                                "image": IMAGE,
                                "env": [
                                    {"name": "FAAS_FUNCTION", "value": "main:web"},
                                    {"name": "DSN", "valueFrom": {"secretKeyRef": {"name": "db-dsn", "key": "latest"}}},
                                ],
                                "ports": [{"name": "h2c", "containerPort": 9000}],
                                "volumeMounts": [
                                    {"name": "one", "mountPath": "/one"}, {"name": "tmp", "mountPath": "/tmp"},
                                ],
                                "resources": {"limits": {"cpu": "2", "memory": "1Gi"}},
                                "readinessProbe": {"httpGet": {"path": "/_faas/ready"}},
                            }
                        ],
                        "volumes": [
                            {"name": "one", "secret": {
                                "secretName": "mail-password", "items": [{"key": "latest", "path": "password"}]}},
                            {"name": "tmp", "emptyDir": {"medium": "Memory"}},
                        ],
                    },
                }
            },
        },
        {
            "apiVersion": "domains.cloudrun.com/v1",
            "kind": "DomainMapping",
            "metadata": {"name": "shop.example.org"},
            "spec": {"routeName": "web"},
        },
    ]  # fmt: skip
    assert_cloud_run_takes(made)


def test_all_that_cloud_run_does_not_take_is_said() -> None:
    _, left = make_cloud_run(
        edition(RICH, BROKER, TRIGGER, PING, secrets={"mail": ["password"], "db": ["dsn", "user"]})
    )

    assert [str(each) for each in left] == [
        "Broker default; Eventarc has channels for this",
        "web: label team/cost: A B; labels have lower-case letters, digits, _ and -",
        "web: scale_to_zero_after; it decides itself when an idle instance ends",
        "web: window; it scales by concurrency and CPU alone",
        "web: concurrency 2000; it is 1000 at most",
        "web: timeout 7200 s; it is an hour at most",
        "web: service account robot; give it the address of one of IAM's",
        "web: secret db as a folder (it has 2 keys, there it has one); give its keys as secret_env",
        "web: config texts; give its values as env, or as a secret",
        "web: volume disk (persistentVolumeClaim); mount a Cloud Storage bucket instead (csi, gcsfuse)",
        "web: tolerations",
        "web: securityContext",
        "web: livenessProbe that runs a command",
        "web: publishing events: it has no Broker; publish to Pub/Sub or Eventarc instead",
        "web: variable NOTE (from configMapKeyRef); write its value out",
        "web: resources.limits.ephemeral-storage",
        "Trigger paid; make an Eventarc trigger that calls the service",
        "PingSource tick; make a Cloud Scheduler job that calls the service",
    ]


def test_less_than_a_cpu_takes_one_request_at_a_time_on_cloud_run() -> None:
    (made,), left = make_cloud_run(edition(service(container={"resources": {"limits": {"cpu": "500m"}}})))

    assert made["spec"]["template"]["spec"]["containerConcurrency"] == 1
    assert [str(each) for each in left] == ["web: concurrency 20; with less than one CPU it is 1"]
    assert_cloud_run_takes([made])


# Rights


def rules(*objects: Any, **more: Any) -> list[tuple[str, str, str]]:
    role = next(each for each in make_rbac(edition(*objects, **more)) if each["kind"] == "Role")
    return [
        (",".join(rule["apiGroups"]), ",".join(rule["resources"]), ",".join(rule["verbs"])) for rule in role["rules"]
    ]


def test_a_project_of_http_functions_needs_rights_on_services_and_to_look() -> None:
    assert rules(service()) == [
        ("serving.knative.dev", "services", "get,list,watch,create,patch,delete"),
        ("serving.knative.dev", "configurations,revisions,routes", "get,list,watch"),
        ("", "pods,events", "get,list,watch"),
        ("", "pods/log", "get"),
        ("", "pods/portforward", "create"),
    ]


def test_rights_name_only_kinds_that_the_project_has_and_secrets_by_their_names() -> None:
    made = rules(service(), BROKER, TRIGGER, PING, declared=["mail"])

    assert made[5:] == [
        ("eventing.knative.dev", "brokers", "get,list,watch,create"),
        ("eventing.knative.dev", "triggers", "get,list,watch,create,patch,delete"),
        ("sources.knative.dev", "pingsources", "get,list,watch,create,patch,delete"),
        ("", "secrets", "create"),
        ("", "secrets", "get,patch,delete"),
    ]


def test_who_deploys_a_store_of_dead_letters_may_ask_it_by_the_name_that_requests_have() -> None:
    sink = make_sink("team", "default", "pay")
    trigger = {**TRIGGER, "spec": {**TRIGGER["spec"], "delivery": {"deadLetterSink": sink}}}
    role = next(each for each in make_rbac(edition(service(), trigger)) if each["kind"] == "Role")

    (rule,) = (rule for rule in role["rules"] if rule["resources"] == ["services/proxy"])
    assert rule["resourceNames"] == ["faas-dead-letters:http"]


def test_an_account_is_bound_to_its_role() -> None:
    account, role, binding = make_rbac(edition(service()))

    assert account["metadata"]["name"] == role["metadata"]["name"] == binding["roleRef"]["name"] == "shop-deploy"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "shop-deploy", "namespace": "team"}]
    assert [each["kind"] for each in make_rbac(edition(service()), cluster=True)][3:] == [
        "ClusterRole", "ClusterRoleBinding",
    ]  # fmt: skip


def test_who_deploys_domains_is_offered_their_claims_in_a_role_of_its_own() -> None:
    *_, role, binding = make_rbac(edition(service(), DOMAIN))

    assert (role["kind"], binding["kind"], role["metadata"]["name"]) == (
        "ClusterRole", "ClusterRoleBinding", "team-shop-deploy-domains",
    )  # fmt: skip
    group = {"apiGroups": ["networking.internal.knative.dev"], "resources": ["clusterdomainclaims"]}
    assert role["rules"] == [
        {**group, "verbs": ["create"]},
        {**group, "verbs": ["get", "delete"], "resourceNames": ["shop.example.org"]},
    ]
    assert "leave this out" in role["metadata"]["annotations"]["kubernetes.io/description"]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


# Folders


def files_in(folder: Path) -> dict[str, str]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != INDEX)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(found)}


def test_files_are_written_then_only_what_changes_and_what_is_gone_goes(tmp_path: Path) -> None:
    assert write_files(tmp_path, {"a.yaml": "1\n", "sub/b.yaml": "2\n"}).changed == ("a.yaml", "sub/b.yaml")

    written = write_files(tmp_path, {"a.yaml": "1\n", "c.yaml": "3\n"})

    assert (written.changed, written.removed) == (("c.yaml",), ("sub/b.yaml",))
    assert files_in(tmp_path) == {"a.yaml": "1\n", "c.yaml": "3\n"}
    assert not (tmp_path / "sub").exists()


def test_kubectl_takes_the_index_of_a_folder_for_no_object() -> None:
    assert Path(INDEX).suffix not in (".json", ".yaml", ".yml")


def test_what_somebody_else_wrote_is_not_overwritten_and_nothing_else_is_written(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("mine\n")

    with pytest.raises(NotOurs, match=r"b\.yaml"):
        write_files(tmp_path, {"a.yaml": "1\n", "b.yaml": "2\n"})

    assert files_in(tmp_path) == {"b.yaml": "mine\n"}


def test_what_somebody_has_changed_is_not_overwritten_unless_it_is_forced(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.yaml": "1\n"})
    (tmp_path / "a.yaml").write_text("changed\n")

    with pytest.raises(NotOurs):
        write_files(tmp_path, {"a.yaml": "2\n"})
    write_files(tmp_path, {"a.yaml": "2\n"}, force=True)

    assert files_in(tmp_path) == {"a.yaml": "2\n"}


def test_what_somebody_has_changed_stays_when_it_is_exported_no_more(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.yaml": "1\n", "b.yaml": "2\n"})
    (tmp_path / "b.yaml").write_text("changed\n")

    assert write_files(tmp_path, {"a.yaml": "1\n"}).kept == ("b.yaml",)
    assert files_in(tmp_path) == {"a.yaml": "1\n", "b.yaml": "changed\n"}


def test_an_index_cannot_name_files_outside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / INDEX).write_text(json.dumps({"files": {"../outside": "sha256:" + "0" * 64, "/etc/passwd": "x"}}))

    assert write_files(inner, {}).removed == ()
    assert (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    "text", ["12345e67", "1e3", "08", "0o17", "+1E5", ".5e3", "y", "N", "0777", "1_000", "yes", "~"]
)
def test_text_that_kubectl_would_read_as_something_else_is_quoted(text: str) -> None:
    assert to_yaml({"value": text}) == f"value: '{text}'\n"


@pytest.mark.parametrize("text", ["1e", "1.2.3", "abc", "12e", "yo", "-", "10.0.0.1", "5m"])
def test_text_that_everybody_reads_as_text_is_not(text: str) -> None:
    assert to_yaml({"value": text}) == (f"value: {text}\n" if text != "-" else "value: '-'\n")


@pytest.mark.parametrize("link", ["values.yaml", "templates"])
def test_no_link_in_the_folder_is_followed(tmp_path: Path, link: str) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "chart"
    outside.mkdir()
    folder.mkdir()
    (folder / link).symlink_to(outside / "new" if link == "values.yaml" else outside)
    files = {"values.yaml": "a: 1\n", "templates/web.yaml": "b: 2\n"}

    with pytest.raises(NotOurs):
        write_files(folder, files)
    write_files(folder, files, force=True)

    assert list(outside.iterdir()) == []
    assert {path: (folder / path).read_text() for path in files} == files
    assert not (folder / link).is_symlink()


def test_an_index_that_is_a_link_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / INDEX).symlink_to(tmp_path / "outside")

    write_files(tmp_path / "chart", {"a.yaml": "a: 1\n"})

    assert not (tmp_path / "outside").exists()
