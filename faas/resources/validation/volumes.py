"""The rules for volumes and where they are mounted. Source: knative/serving pkg/apis/serving/k8s_validation.go."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence

from faas.resources import names, quantities
from faas.resources.config import Config
from faas.resources.validation.errors import (
    FieldError,
    invalid_value,
    missing,
    missing_one_of,
    multiple_one_of,
)
from faas.resources.views import AnyObject
from faas.resources.volumes import (
    ConfigMapProjection,
    DownwardAPIVolumeFile,
    KeyToPath,
    SecretProjection,
    Volume,
    VolumeMount,
    VolumeProjection,
)

RESERVED_PATHS = ("/", "/dev", "/dev/log")


def validate_volumes(
    volumes: Sequence[Volume], mounted: frozenset[str], config: Config, at: str
) -> Iterator[FieldError]:
    """`mounted`: names that some container mounts; a volume that nobody mounts is a mistake."""
    seen: set[str] = set()
    for index, volume in enumerate(volumes):
        here = f"{at}[{index}]"
        if volume.name in seen:
            yield FieldError(f'duplicate volume name "{volume.name}"', (f"{here}.name",))
        if volume.name not in mounted:
            yield FieldError(f'volume with name "{volume.name}" not mounted', (f"{here}.name",))
        if not volume.name:
            yield missing(f"{here}.name")
        elif names.label_problem(volume.name):
            yield invalid_value(volume.name, f"{here}.name")
        seen.add(volume.name)
        yield from _validate_source(volume, config, here)


def validate_volume_mounts(
    mounts: Sequence[VolumeMount], volumes: Mapping[str, Volume], at: str
) -> Iterator[FieldError]:
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        here = f"{at}[{index}]"
        volume = volumes.get(mount.name)
        if volume is None:
            yield FieldError("volumeMount has no matching volume", (f"{here}.name",))
        elif volume.empty_dir is None and not mount.read_only:
            yield FieldError("volume mount should be readOnly for this type of volume", (f"{here}.readOnly",))
        yield from _validate_mount_path(mount.mount_path, seen, f"{here}.mountPath")
        seen.add(posixpath.normpath(mount.mount_path))
        if mount.mount_propagation:
            message = (
                "Volume Mount Propagation support is disabled, "
                f"but found volume mount {mount.name} with mount propagation"
            )
            yield FieldError(message, (f"{here}.mountPropagation",))


def _validate_mount_path(path: str, seen: set[str], at: str) -> Iterator[FieldError]:
    if not path:
        yield missing(at)
        return
    clean = posixpath.normpath(path)
    if clean in RESERVED_PATHS:
        yield FieldError(f'mountPath "{clean}" is a reserved path', (at,))
    elif not path.startswith("/"):
        yield invalid_value(path, at)
    elif clean in seen:
        yield invalid_value(f'"{path}" must be unique', at)


def _validate_source(volume: Volume, config: Config, at: str) -> Iterator[FieldError]:
    yield from _validate_gates(volume, config, at)
    sources = {
        "secret": volume.secret,
        "configMap": volume.config_map,
        "projected": volume.projected,
        "emptyDir": volume.empty_dir,
        "persistentVolumeClaim": volume.persistent_volume_claim,
        "hostPath": volume.host_path,
        "csi": volume.csi,
        "ephemeral": volume.ephemeral,
        "image": volume.image,
    }
    given = [name for name, source in sources.items() if source is not None]
    if not given:
        allowed = ["secret", "configMap", "projected"]
        if config.features.empty_dir == "Enabled":
            allowed.append("emptyDir")
        yield missing_one_of(*(f"{at}.{name}" for name in allowed))
    elif len(given) > 1:
        yield multiple_one_of(*(f"{at}.{name}" for name in given))
    if volume.secret is not None:
        if not volume.secret.secret_name:  # a cluster would find out when it makes the Pod
            yield missing(f"{at}.secret.secretName")
        yield from _validate_items(volume.secret.items, f"{at}.secret.items")
    if volume.config_map is not None:
        if not volume.config_map.name:
            yield missing(f"{at}.configMap.name")
        yield from _validate_items(volume.config_map.items, f"{at}.configMap.items")
    if volume.projected is not None:
        for index, projection in enumerate(volume.projected.sources):
            yield from _validate_projection(projection, f"{at}.projected[{index}]")
    if volume.empty_dir is not None:
        yield from _validate_empty_dir(volume.empty_dir, f"{at}.emptyDir")


def _validate_gates(volume: Volume, config: Config, at: str) -> Iterator[FieldError]:
    if volume.persistent_volume_claim is not None:
        claim = volume.persistent_volume_claim.get("claimName", "")
        message = f"Persistent volume claim support is disabled, but found persistent volume claim {claim}"
        yield FieldError(message, (f"{at}.persistentVolumeClaim",))
    if volume.empty_dir is not None and config.features.empty_dir != "Enabled":
        yield FieldError(
            f"EmptyDir volume support is disabled, but found EmptyDir volume {volume.name}", (f"{at}.emptyDir",)
        )
    for field, word, source in (
        ("image", "Image", volume.image),
        ("hostPath", "HostPath", volume.host_path),
        ("csi", "CSI", volume.csi),
        ("ephemeral", "Ephemeral", volume.ephemeral),
    ):
        if source is not None:
            message = f"{word} volume support is disabled, but found {word} volume {volume.name}"
            yield FieldError(message, (f"{at}.{field}",))


def _validate_projection(projection: VolumeProjection, at: str) -> Iterator[FieldError]:
    sources = {
        "secret": projection.secret,
        "configMap": projection.config_map,
        "serviceAccountToken": projection.service_account_token,
        "downwardAPI": projection.downward_api,
    }
    given = [name for name, source in sources.items() if source is not None]
    if not given:
        yield missing_one_of(*(f"{at}.{name}" for name in sources))
    elif len(given) > 1:
        yield multiple_one_of(*(f"{at}.{name}" for name in given))
    yield from _validate_named(projection.secret, f"{at}.secret")
    yield from _validate_named(projection.config_map, f"{at}.configMap")
    if projection.service_account_token is not None and not projection.service_account_token.path:
        yield missing(f"{at}.serviceAccountToken.path")
    if projection.downward_api is not None:
        for index, file in enumerate(projection.downward_api.items):
            yield from _validate_downward_file(file, f"{at}.downwardAPI.items[{index}]")


def _validate_named(source: SecretProjection | ConfigMapProjection | None, at: str) -> Iterator[FieldError]:
    if source is not None:
        if not source.name:
            yield missing(f"{at}.name")
        yield from _validate_items(source.items, f"{at}.items")


def _validate_downward_file(file: DownwardAPIVolumeFile, at: str) -> Iterator[FieldError]:
    fields = (f"{at}.fieldRef", f"{at}.resourceFieldRef")
    if file.field_ref is None and file.resource_field_ref is None:
        yield missing_one_of(*fields)
    elif file.field_ref is not None and file.resource_field_ref is not None:
        yield FieldError("Within a single item, cannot set both", fields)
    if not file.path:
        yield missing(f"{at}.path")


def _validate_items(items: Sequence[KeyToPath], at: str) -> Iterator[FieldError]:
    for index, item in enumerate(items):
        if not item.key:
            yield missing(f"{at}[{index}].key")
        if not item.path:
            yield missing(f"{at}[{index}].path")
        elif item.path.startswith("/") or ".." in item.path.split("/"):  # it would leave the volume's folder
            yield invalid_value(item.path, f"{at}[{index}].path", 'must be a relative path without ".."')


def _validate_empty_dir(empty_dir: AnyObject, at: str) -> Iterator[FieldError]:
    medium, limit = empty_dir.get("medium", ""), empty_dir.get("sizeLimit")
    if medium not in ("", "Memory"):
        yield invalid_value(medium, f"{at}.medium")
    if limit is not None:
        try:
            negative = quantities.parse(limit) < 0
        except quantities.QuantityError as error:
            yield invalid_value(limit, f"{at}.sizeLimit", str(error))
        else:
            if negative:
                yield invalid_value(limit, f"{at}.sizeLimit")
