"""Views of volumes: files that a container gets from a Secret, a ConfigMap, several of them, or an empty directory."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from faas.resources.views import AnyObject, View, doc


class VolumeMount(View, frozen=True):
    """Where a volume appears in a container."""

    mount_path: Annotated[str, doc("Absolute path in the container.")]
    name: Annotated[str, doc("Name of the volume.")]
    mount_propagation: Annotated[str, doc("None or HostToContainer; feature gate.")] = ""
    read_only: Annotated[bool | None, doc("Whether it is read-only; has to be for Secrets and ConfigMaps.")] = None
    sub_path: Annotated[str, doc("A path inside the volume to mount instead of its root.")] = ""


class KeyToPath(View, frozen=True):
    """One key, and the file it becomes."""

    key: Annotated[str, doc("The key to write.")]
    path: Annotated[str, doc("Relative path of the file.")]
    mode: Annotated[int | None, doc("Mode bits of the file.", format="int32")] = None


class SecretVolumeSource(View, frozen=True):
    """A Secret as files."""

    default_mode: Annotated[int | None, doc("Mode bits of files that have none of their own.", format="int32")] = None
    items: Annotated[tuple[KeyToPath, ...], doc("Keys to write; all when absent.", list_type="atomic")] = ()
    optional: Annotated[bool | None, doc("Whether it is fine that the Secret or a key does not exist.")] = None
    secret_name: Annotated[str, doc("Name of the Secret.")] = ""


class ConfigMapVolumeSource(View, frozen=True):
    """A ConfigMap as files."""

    default_mode: Annotated[int | None, doc("Mode bits of files that have none of their own.", format="int32")] = None
    items: Annotated[tuple[KeyToPath, ...], doc("Keys to write; all when absent.", list_type="atomic")] = ()
    name: Annotated[str, doc("Name of the ConfigMap.")] = ""
    optional: Annotated[bool | None, doc("Whether it is fine that the ConfigMap or a key does not exist.")] = None


class SecretProjection(View, frozen=True):
    """A Secret as a part of a projected volume."""

    items: Annotated[tuple[KeyToPath, ...], doc("Keys to write; all when absent.", list_type="atomic")] = ()
    name: Annotated[str, doc("Name of the Secret.")] = ""
    optional: Annotated[bool | None, doc("Whether it is fine that the Secret or a key does not exist.")] = None


class ConfigMapProjection(View, frozen=True):
    """A ConfigMap as a part of a projected volume."""

    items: Annotated[tuple[KeyToPath, ...], doc("Keys to write; all when absent.", list_type="atomic")] = ()
    name: Annotated[str, doc("Name of the ConfigMap.")] = ""
    optional: Annotated[bool | None, doc("Whether it is fine that the ConfigMap or a key does not exist.")] = None


class ServiceAccountTokenProjection(View, frozen=True):
    """A token of the service account as a part of a projected volume."""

    path: Annotated[str, doc("Relative path of the token's file.")]
    audience: Annotated[str, doc("For whom the token is meant.")] = ""
    expiration_seconds: Annotated[int | None, doc("How long a token is valid.", format="int64")] = None


class ObjectFieldSelector(View, frozen=True):
    """A field of the Pod."""

    field_path: Annotated[str, doc("Path of the field.")]
    api_version: Annotated[str, doc("Version in which the path is meant.")] = ""


class ResourceFieldSelector(View, frozen=True):
    """A resource limit or request of a container."""

    resource: Annotated[str, doc("limits.cpu, requests.memory, ...")]
    container_name: Annotated[str, doc("The container it is about.")] = ""
    divisor: Annotated[int | str, doc("The unit to write it in.", format="quantity")] = 0


class DownwardAPIVolumeFile(View, frozen=True):
    """A file with something about the Pod."""

    path: Annotated[str, doc("Relative path of the file.")]
    field_ref: Annotated[ObjectFieldSelector | None, doc("A field of the Pod.", atomic=True)] = None
    mode: Annotated[int | None, doc("Mode bits of the file.", format="int32")] = None
    resource_field_ref: Annotated[ResourceFieldSelector | None, doc("A limit or request.", atomic=True)] = None


class DownwardAPIProjection(View, frozen=True):
    """What is known of the Pod as a part of a projected volume."""

    items: Annotated[tuple[DownwardAPIVolumeFile, ...], doc("Files to write.", list_type="atomic")] = ()


class VolumeProjection(View, frozen=True):
    """One part of a projected volume; exactly one of its fields is set."""

    config_map: Annotated[ConfigMapProjection | None, doc("A ConfigMap.", atomic=True)] = None
    downward_api: Annotated[DownwardAPIProjection | None, doc("What is known of the Pod.")] = field(
        default=None, name="downwardAPI"
    )
    secret: Annotated[SecretProjection | None, doc("A Secret.", atomic=True)] = None
    service_account_token: Annotated[ServiceAccountTokenProjection | None, doc("A token.")] = None


class ProjectedVolumeSource(View, frozen=True):
    """Several sources as files of one directory."""

    default_mode: Annotated[int | None, doc("Mode bits of files that have none of their own.", format="int32")] = None
    sources: Annotated[tuple[VolumeProjection, ...], doc("What is put together.", list_type="atomic")] = ()


class Volume(View, frozen=True):
    """Files that containers may mount; exactly one source is set."""

    name: Annotated[str, doc("Name by which containers mount it.")]
    config_map: Annotated[ConfigMapVolumeSource | None, doc("A ConfigMap.", atomic=True)] = None
    csi: Annotated[AnyObject | None, doc("A CSI driver's volume; feature gate.", preserve=True)] = None
    empty_dir: Annotated[
        AnyObject | None, doc("An empty directory, as long as the instance lives: medium, sizeLimit.", preserve=True)
    ] = None
    ephemeral: Annotated[AnyObject | None, doc("A volume claim per instance; feature gate.", preserve=True)] = None
    host_path: Annotated[AnyObject | None, doc("A path of the host; feature gate.", preserve=True)] = None
    image: Annotated[AnyObject | None, doc("An image's files; feature gate.", preserve=True)] = None
    persistent_volume_claim: Annotated[AnyObject | None, doc("A volume claim; feature gate.", preserve=True)] = None
    projected: Annotated[ProjectedVolumeSource | None, doc("Several sources in one directory.")] = None
    secret: Annotated[SecretVolumeSource | None, doc("A Secret.")] = None
