"""Whether something is still as it was applied: digests, and manifests inside of live objects."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from faas.client.errors import Cause, Invalid
from faas.deploy.objects.applied import APPLIED, digest_of, holds, is_unchanged, stamped
from faas.deploy.objects.hidden import hide_in, shown

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def manifest(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Thing", "metadata": {"name": "it", "namespace": "default"}, "spec": spec}


def test_what_was_applied_is_unchanged_whatever_a_server_adds() -> None:
    live = copy.deepcopy(stamped(manifest(containers=[{"image": "a"}])))
    live["metadata"]["uid"] = "u"
    live["spec"]["containers"][0]["name"] = "user-container"
    live["status"] = {}

    assert is_unchanged(manifest(containers=[{"image": "a"}]), live)


def test_a_field_that_is_gone_from_the_code_is_a_change() -> None:
    live = stamped(manifest(image="a", timeout=5))

    assert not is_unchanged(manifest(image="a"), live)


def test_what_somebody_edited_is_a_change() -> None:
    live = copy.deepcopy(stamped(manifest(env=[{"name": "A", "value": "1"}])))
    live["spec"]["env"].append({"name": "B", "value": "2"})

    assert not is_unchanged(manifest(env=[{"name": "A", "value": "1"}]), live)


def test_the_stamp_is_no_part_of_what_it_says() -> None:
    once = stamped(manifest(a=1))

    assert stamped(once) == once
    assert once["metadata"]["annotations"] == {APPLIED: digest_of(manifest(a=1))}


def test_the_digest_of_a_secret_knows_its_keys_and_no_value() -> None:
    def secret(**data: str) -> dict[str, Any]:
        return {"kind": "Secret", "metadata": {"name": "s"}, "data": data}

    assert digest_of(secret(a="MQ==")) == digest_of(secret(a="Mg=="))
    assert digest_of(secret(a="MQ==")) != digest_of(secret(b="MQ=="))
    assert not is_unchanged(secret(a="MQ=="), stamped(secret(a="Mg==")))


@given(JSON)
def test_everything_holds_itself(value: Any) -> None:
    assert holds(copy.deepcopy(value), value)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3), st.dictionaries(st.text(max_size=3), JSON, max_size=3))
def test_a_map_with_more_in_it_holds_the_one_with_less(less: dict[str, Any], more: dict[str, Any]) -> None:
    assert holds({**more, **less}, less)


def test_true_is_not_one() -> None:
    assert not holds({"a": True}, {"a": 1})


def test_a_secret_shows_which_keys_change_and_nothing_else() -> None:
    before = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"same": "MQ==", "other": "Mg==", "gone": "Mw=="}}
    after = {"kind": "Secret", "metadata": {"name": "s"}, "data": {"same": "MQ==", "other": "NA==", "new": "NQ=="}}

    old, new = shown(before, after)

    assert old is not None
    assert old["data"] == {"same": "(hidden)", "other": "(hidden, as it is)", "gone": "(hidden)"}
    assert new is not None
    assert new["data"] == {
        "same": "(hidden)", "other": "(hidden, another value)", "new": "(hidden)",
    }  # fmt: skip


def test_a_copy_of_a_secret_in_an_annotation_is_not_shown_either() -> None:
    last = "kubectl.kubernetes.io/last-applied-configuration"
    metadata = {
        "name": "db",
        "annotations": {last: '{"data":{"password":"aHVudGVyMg=="}}', "faas.dev/applied": "sha256:a"},
    }
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": "aHVudGVyMg=="}}

    old, new = shown(secret, None)

    assert new is None
    assert old is not None
    assert old["metadata"]["annotations"] == {last: "(hidden)", "faas.dev/applied": "sha256:a"}
    assert "aHVudGVy" not in repr(old)


def test_a_refusal_that_quotes_a_secret_does_not_show_it() -> None:
    error = Invalid(
        "denied: password is aHVudGVyMg==", causes=(Cause("FieldValueInvalid", '"hunter2" is weak', "data"),)
    )

    hide_in(error, {"kind": "Secret", "data": {"password": "aHVudGVyMg==", "port": "MQ=="}})

    assert str(error) == error.message == "denied: password is (hidden)"
    assert [cause.message for cause in error.causes] == ['"(hidden)" is weak']
