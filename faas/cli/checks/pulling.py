"""Whether the nodes can have the images: by a Secret of the namespace, where the registry wants a login."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from faas.cli.checks.check import Check
from faas.client.errors import Forbidden, NotFound
from faas.resources.kinds import NAMESPACE, SECRET, SERVICE_ACCOUNT

if TYPE_CHECKING:
    from faas_builders.registry.names import ImageName

    from faas.cli.checks.view import View
    from faas.client.protocol import Object

_NAME = "pull secrets"
_KEY, _OLD_KEY = ".dockerconfigjson", ".dockercfg"
_FROM = f"--from-file {_KEY}=$HOME/.docker/config.json"


async def pull_secrets(view: View) -> Check:
    accounts = sorted({_account(service) for service in view.needs.services} or {"default"})
    wanted = {name for service in view.needs.services for name in _named(service["spec"]["template"]["spec"])}
    try:
        for account in accounts:
            wanted |= set(_named(await view.get(SERVICE_ACCOUNT, account, view.namespace)))
        secrets = {name: await _secret(view, name) for name in sorted(wanted)}
    except Forbidden as error:
        what = "ServiceAccounts" if "account" in error.kind.lower() or "serviceaccount" in error.message else "Secrets"
        return Check(_NAME, "unknown", f"{what} of {view.namespace} may not be read")
    except NotFound as error:
        return await _missing(view, error)
    return await asyncio.to_thread(_judged, secrets, view.needs.image, insecure=view.needs.insecure)


async def _secret(view: View, name: str) -> Object | None:
    """None: a deploy makes it. Raises: ApiError."""
    try:
        return await view.get(SECRET, name, view.namespace)
    except NotFound:
        if name in view.needs.declared_secrets:
            return None
        raise


async def _missing(view: View, error: NotFound) -> Check:
    """A Secret or a ServiceAccount is; where it is the default one, which Kubernetes makes, so is the namespace."""
    context = shlex.quote(view.target.context)
    if "account" not in error.kind.lower():
        found = f"Secret {error.name} is not there" if error.name else error.message
        return Check(_NAME, "error", found, f"Make it:  faas secret create {error.name or 'NAME'} {_FROM}")
    try:
        of_namespace = await view.get(NAMESPACE, view.namespace)
    except (Forbidden, NotFound):
        of_namespace = {"metadata": {}}
    if of_namespace["metadata"].get("deletionTimestamp"):
        return Check(_NAME, "unknown", "not asked: the namespace is being deleted")
    if error.name == "default":
        return Check(_NAME, "unknown", f"namespace {view.namespace} is not there, or not made up yet")
    fix = f"Make it:  kubectl create serviceaccount {error.name} -n {view.namespace} --context {context}"
    return Check(_NAME, "error", f"ServiceAccount {error.name} is not there", fix)


def _judged(secrets: Mapping[str, Object | None], image: str, *, insecure: bool) -> Check:
    """Args: image: where images are pushed to; "": nobody says. Blocking: the registry is asked."""
    from faas_builders.errors import BuilderError
    from faas_builders.registry.names import ImageName
    from faas_builders.registry.rights import wants_login

    names = ", ".join(secrets)
    try:
        place = ImageName.parse(image) if image else None
        able = [name for name, secret in secrets.items() if place is None or secret is None or _opens(secret, place)]
        closed = place is not None and not able and wants_login(place, insecure=insecure)
    except BuilderError:  # the check of the registry says so
        return Check(_NAME, "ok" if secrets else "unknown", names or "none: whether one is needed is not known")
    if closed and place is not None:
        refused = f"{place.registry} gives {place.repository} to nobody without a login"
        if secrets:
            update = f"faas secret create {next(iter(secrets))} --update {_FROM}"
            return Check(_NAME, "warning", f"{names}: no login for {place.registry} in it; {refused}", update)
        fix = f"Make one:  faas secret create pull {_FROM}\n"
        fix += 'and name it, of the stage or of a function:  image_pull_secrets = ["pull"]'
        return Check(_NAME, "warning", f"none, and {refused}: nodes need one of their own, or a Secret", fix)
    if able and place is not None:
        return Check(_NAME, "ok", f"{names}, with a login for {place.registry}")
    if secrets:
        return Check(_NAME, "ok", names)
    why = (
        f"{place.registry} wants none"
        if place
        else "right for public images, and where the nodes have a login of their own"
    )
    return Check(_NAME, "ok", f"none: {why}")


def _opens(secret: Object, place: ImageName) -> bool:
    """Whether it has a login for that place; nodes take what is in it, and ask no program."""
    from faas_builders.errors import CredentialsError
    from faas_builders.registry.credentials import ConfigFile

    data: Mapping[str, str] = secret.get("data") or {}
    try:
        if _KEY in data:
            logins = json.loads(base64.b64decode(data[_KEY])).get("auths") or {}
        else:
            logins = json.loads(base64.b64decode(data.get(_OLD_KEY, ""), validate=True) or b"{}")
        config = ConfigFile.parse(json.dumps({"auths": logins}).encode(), "a Secret")
        return config.find(place.registry, place.repository) is not None
    except (CredentialsError, binascii.Error, ValueError, AttributeError):
        return False  # what is in it is nobody's to see


def _named(holder: Mapping[str, Any]) -> list[str]:
    return [str(each["name"]) for each in holder.get("imagePullSecrets") or () if each.get("name")]


def _account(service: Object) -> str:
    return str(service["spec"]["template"]["spec"].get("serviceAccountName") or "default")
