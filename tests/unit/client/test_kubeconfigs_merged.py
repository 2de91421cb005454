"""Several kubeconfigs as one, the contexts they have, and what each says of its user."""

from __future__ import annotations

import base64
import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from faas.client.kubeconfigs import in_cluster
from faas.client.kubeconfigs.cluster import Cluster
from faas.client.kubeconfigs.files import KubeconfigError
from faas.client.places.contexts import UnknownContext, find_cluster, list_contexts, read_choice, write_choice
from faas.client.places.state import State


def kubeconfig(path: Path, *, context: str = "prod", server: str = "https://k8s", **said: Any) -> Path:
    user, cluster = said.get("user", {}), said.get("cluster", {})
    document = {
        "contexts": [{"name": context, "context": {"cluster": "c", "user": "u", **said.get("context_", {})}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document))
    return path


def found(path: Path, name: str = "prod") -> Cluster:
    cluster = find_cluster(name, {"KUBECONFIG": str(path)})
    assert cluster is not None
    return cluster


def test_of_what_several_files_say_the_first_counts(tmp_path: Path) -> None:
    first = kubeconfig(tmp_path / "a", server="https://first")
    second = kubeconfig(tmp_path / "b", context="staging", server="https://second")
    variables = {"KUBECONFIG": f"{first}::{tmp_path}/missing:{second}"}

    listed = list_contexts(State(tmp_path), variables)

    assert [(each.name, each.server, each.source) for each in listed] == [
        ("local", "", str(tmp_path)),
        ("prod", "https://first", str(first)),
        ("staging", "https://first", str(second)),  # its cluster c is the first file's
    ]


def test_without_a_variable_it_is_the_one_of_the_home_folder(tmp_path: Path) -> None:
    kubeconfig(tmp_path / ".kube" / "config")

    assert [each.name for each in list_contexts(State(tmp_path), {"HOME": str(tmp_path)})] == ["local", "prod"]
    assert [each.name for each in list_contexts(State(tmp_path), {"HOME": "/nonexistent"})] == ["local"]


def test_paths_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "ca.pem").write_text("AUTHORITY")
    user = {"client-certificate": "pki/me.crt", "client-key": "/etc/me.key", "tokenFile": "pki/token"}
    path = kubeconfig(tmp_path / "config", cluster={"certificate-authority": "pki/ca.pem"}, user=user)

    cluster = found(path)

    assert cluster.ca_data == "AUTHORITY"
    assert (cluster.client_cert, cluster.client_key, cluster.token_file) == (
        tmp_path / "pki" / "me.crt",
        Path("/etc/me.key"),
        tmp_path / "pki" / "token",
    )


def test_a_cluster_says_how_it_is_reached_and_a_user_as_whom(tmp_path: Path) -> None:
    path = kubeconfig(
        tmp_path / "config",
        cluster={"tls-server-name": "inner", "proxy-url": "http://proxy:1", "insecure-skip-tls-verify": True},
        user={
            "username": "me",
            "password": "secret",
            "as": "you",
            "as-uid": "7",
            "as-groups": ["a", "b"],
            "as-user-extra": {"Reason/x": ["because"]},
        },
        context_={"namespace": "team"},
    )

    cluster = found(path)

    assert (cluster.tls_server_name, cluster.proxy_url, cluster.insecure) == ("inner", "http://proxy:1", True)
    assert (cluster.namespace, cluster.username, cluster.password) == ("team", "me", "secret")
    assert cluster.impersonation == (
        ("Impersonate-User", "you"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "a"),
        ("Impersonate-Group", "b"),
        ("Impersonate-Extra-reason%2Fx", "because"),
    )


def test_no_credential_is_in_what_a_traceback_would_show(tmp_path: Path) -> None:
    data = base64.b64encode(b"PRIVATE").decode()
    user = {
        "token": "PRIVATE",
        "password": "PRIVATE",
        "client-key-data": data,
        "client-certificate-data": data,
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "aws",
            "args": ["PRIVATE"],
            "env": [{"name": "KEY", "value": "PRIVATE"}],
        },
    }
    path = kubeconfig(tmp_path / "config", user=user, cluster={"proxy-url": "http://me:PRIVATE@proxy"})

    assert "PRIVATE" not in repr(found(path))


def test_broken_yaml_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("users:\n- token: {PRIVATE\n")

    with pytest.raises(KubeconfigError) as error:
        found(path)

    assert "not valid YAML at line" in str(error.value)
    assert (error.value.__cause__, error.value.__suppress_context__) == (None, True)


def test_a_plugin_is_told_of_its_cluster_when_it_wants_to_be(tmp_path: Path) -> None:
    ca = base64.b64encode(b"AUTHORITY").decode()
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}
    path = kubeconfig(
        tmp_path / "config",
        cluster={"certificate-authority-data": ca, "extensions": [extension]},
        user={
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1beta1",
                "command": "./bin/login",
                "provideClusterInfo": True,
            }
        },
    )

    plugin = found(path).plugin

    assert plugin is not None
    assert (plugin.command, plugin.interactive) == (str(tmp_path / "./bin/login"), "IfAvailable")
    assert json.loads(plugin.cluster) == {
        "server": "https://k8s",
        "certificate-authority-data": ca,
        "config": {"audience": "x"},
    }


@pytest.mark.parametrize(
    ("user", "reason", "hint"),
    [
        pytest.param({"exec": {"command": "x"}}, "has no apiVersion", "client.authentication", id="no-version"),
        pytest.param({"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}},
                     "speaks client.authentication.k8s.io/v1alpha1", "anew", id="old-version"),
        pytest.param({"exec": {"args": []}}, "has no command", "exec", id="no-command"),
        pytest.param({"auth-provider": {"name": "gcp"}}, "'gcp'", "gke-gcloud-auth-plugin", id="gcp"),
        pytest.param({"auth-provider": {"name": "azure"}}, "'azure'", "kubelogin", id="azure"),
        pytest.param({"auth-provider": {"name": "oidc", "config": {}}}, "'oidc'", "oidc-login", id="oidc-empty"),
        pytest.param({"client-key-data": "%%%"}, "client-key-data is not base64", "Repair", id="key"),
    ],
)  # fmt: skip
def test_a_user_that_cannot_be_used_says_why(tmp_path: Path, user: dict[str, Any], reason: str, hint: str) -> None:
    with pytest.raises(KubeconfigError) as error:
        found(kubeconfig(tmp_path / "config", user=user))

    assert reason in error.value.reason
    assert hint in error.value.hint


def test_what_oidc_left_is_used_while_it_lasts(tmp_path: Path) -> None:
    provider = {"auth-provider": {"name": "oidc", "config": {"id-token": "a.b.c"}}}

    assert found(kubeconfig(tmp_path / "config", user=provider)).token == "a.b.c"


def test_a_context_that_is_not_there_says_which_may_be_meant(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config")

    with pytest.raises(UnknownContext) as error:
        found(path, "prd")

    assert (error.value.close, error.value.known) == ("prod", ("local", "prod"))


def test_local_is_ours_whatever_a_kubeconfig_calls_so(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path / "config", context="local")

    assert find_cluster("local", {"KUBECONFIG": str(path)}) is None
    assert [each.name for each in list_contexts(State(tmp_path), {"KUBECONFIG": str(path)})] == ["local"]


def test_inside_a_cluster_its_service_account_is_a_context(tmp_path: Path) -> None:
    for name, text in (("token", "t"), ("ca.crt", "AUTHORITY"), ("namespace", "team\n")):
        (tmp_path / name).write_text(text)
    variables = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443", "HOME": "/nonexistent"}

    assert in_cluster.is_inside(variables, tmp_path)
    assert not in_cluster.is_inside({}, tmp_path)
    cluster = in_cluster.load(variables, tmp_path)

    assert (cluster.server, cluster.namespace, cluster.ca_data) == ("https://[fd00::1]:443", "team", "AUTHORITY")
    assert cluster.token_file == tmp_path / "token"


def test_a_choice_is_kept_and_replaced_whole(tmp_path: Path) -> None:
    variables = {"XDG_CONFIG_HOME": str(tmp_path)}

    assert read_choice(variables) == ""
    write_choice("prod", variables)
    write_choice("staging", variables)

    assert read_choice(variables) == "staging"
    assert [path.name for path in (tmp_path / "faas").iterdir()] == ["context"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "value", "x"]), inner),
    max_leaves=6,
)
EXEC = st.fixed_dictionaries(
    {"apiVersion": st.just("client.authentication.k8s.io/v1") | ANYTHING, "command": st.just("aws") | ANYTHING},
    optional={
        "args": ANYTHING,
        "env": ANYTHING,
        "interactiveMode": ANYTHING,
        "installHint": ANYTHING,
        "provideClusterInfo": ANYTHING,
    },
)
USER = st.fixed_dictionaries(
    {},
    optional={
        "exec": EXEC | ANYTHING,
        "token": ANYTHING,
        "tokenFile": ANYTHING,
        "client-key": ANYTHING,
        "client-key-data": ANYTHING,
        "as": ANYTHING,
        "as-groups": ANYTHING,
        "as-user-extra": ANYTHING,
        "auth-provider": ANYTHING,
        "username": ANYTHING,
    },
)
CLUSTER = st.fixed_dictionaries(
    {"server": st.just("https://k8s") | ANYTHING},
    optional={"extensions": ANYTHING, "certificate-authority-data": ANYTHING, "proxy-url": ANYTHING},
)


@settings(deadline=None)
@given(USER | ANYTHING, CLUSTER | ANYTHING, ANYTHING)
def test_whatever_a_kubeconfig_says_it_is_read_or_refused(user: Any, cluster: Any, context: Any) -> None:
    document = {
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": context}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config"
        path.write_text(yaml.safe_dump(document))
        with contextlib.suppress(KubeconfigError):
            assert found(path).server.startswith("https://")


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["contexts", "clusters", "users", "current-context"]), ANYTHING))
def test_whatever_a_file_holds_its_contexts_are_listed_or_it_is_refused(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config"
        path.write_text(yaml.safe_dump(document))
        with contextlib.suppress(KubeconfigError):
            assert list_contexts(State(path.parent), {"KUBECONFIG": str(path)})[0].name == "local"
