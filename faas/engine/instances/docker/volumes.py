"""The volumes of a Pod: files of Secrets and ConfigMaps in a folder of ours, empty directories as Docker's volumes.

The folder is below the runtime folder, which only we can enter; what is mounted of it can be read by whomever the
container runs as. An empty directory is a volume because its files may be root's, whom only the Docker engine can
remove; it lives as long as its Pod, so the restart of a container finds it as it was.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any

from faas.engine.instances.docker.connection import Api
from faas.engine.instances.docker.ownership import POD, Ownership
from faas.engine.instances.docker.spec import NotStartable
from faas.engine.instances.driver import File, Mount

_EVERYBODY = 0o777  # an empty directory is everybody's, as kubelet makes it


class Volumes:
    """Blocking. Everything below `folder`, and the Docker volumes with our labels."""

    def __init__(self, folder: Path, ownership: Ownership) -> None:
        self._folder, self._ownership = folder, ownership
        self._opened: set[str] = set()  # volumes that everybody may write to by now

    def prepare(self, api: Api, image_id: str, pod: str, mounts: tuple[Mount, ...]) -> tuple[dict[str, Any], ...]:
        """Make what is not there yet; returns what a container's request says of them.

        Raises: NotStartable, OSError, docker's APIError.
        """
        found = tuple(
            self._directory(api, pod, mount) if mount.files is None else self._files(pod, mount, mount.files)
            for mount in mounts
        )
        on_disk = {self._name(pod, mount.volume) for mount in mounts if mount.files is None and not mount.in_memory}
        if new := sorted(on_disk - self._opened):
            self._open(api, image_id, new)
            self._opened.update(new)
        return found

    def _open(self, api: Api, image_id: str, names: list[str]) -> None:
        """Let everybody write to these volumes, through a container that never runs: there is no other way in."""
        mounts = [_volume_mount(name, f"/{place}") for place, name in enumerate(names)]
        body = {
            "Image": image_id,
            "Entrypoint": ["-"],
            "Labels": self._ownership.labels,
            "HostConfig": {"NetworkMode": "none", "Mounts": mounts},
        }
        opener = api.create_container_from_config(body)["Id"]
        try:
            api.put_archive(opener, "/", _folders_archive([str(place) for place in range(len(names))]))
        finally:
            api.remove_container(opener, force=True)

    def remove(self, api: Api, pod: str) -> None:
        shutil.rmtree(self._folder / pod, ignore_errors=True)
        for volume in api.volumes(filters={"label": f"{POD}={pod}"})["Volumes"] or ():
            if self._ownership.is_ours(volume["Labels"] or {}):
                api.remove_volume(volume["Name"])
                self._opened.discard(volume["Name"])

    def keep(self, api: Api, pods: Collection[str]) -> None:
        """Remove everything but these Pods'."""
        gone = {path.name for path in self._folder.iterdir()} - set(pods) if self._folder.is_dir() else set()
        labels = [f"{name}={value}" for name, value in self._ownership.labels.items()]
        for volume in api.volumes(filters={"label": labels})["Volumes"] or ():
            pod = (volume["Labels"] or {}).get(POD, "")
            if pod not in pods:
                gone.add(pod)
            else:
                self._opened.add(volume["Name"])
        for pod in gone:
            self.remove(api, pod)

    def _directory(self, api: Api, pod: str, mount: Mount) -> dict[str, Any]:
        if mount.sub_path:
            raise NotStartable(
                f"subPath {mount.sub_path!r} of the emptyDir {mount.volume!r}: containers of this engine mount an "
                "emptyDir whole; give each path an emptyDir of its own"
            )
        options: dict[str, str] = {}
        if mount.in_memory:
            size = f",size={mount.size_limit_bytes}" if mount.size_limit_bytes else ""
            options = {"type": "tmpfs", "device": "tmpfs", "o": f"mode=1777{size}"}
        name = self._name(pod, mount.volume)
        api.create_volume(name, driver="local", driver_opts=options, labels={**self._ownership.labels, POD: pod})
        return {**_volume_mount(name, mount.path), "ReadOnly": mount.read_only}

    def _files(self, pod: str, mount: Mount, files: tuple[File, ...]) -> dict[str, Any]:
        folder = self._folder / pod / f"{mount.volume or 'files'}-{_content_key(files)}"
        if not folder.is_dir():
            _write(folder, files)
        source = folder
        if mount.sub_path:
            source = folder / PurePosixPath(mount.sub_path)
            if not source.exists():
                raise NotStartable(f"failed to prepare subPath for volumeMount {mount.volume!r}: no {mount.sub_path}")
        # Read-only in any case: Kubernetes' volumes of Secrets and ConfigMaps are.
        return {"Type": "bind", "Source": str(source), "Target": mount.path, "ReadOnly": True}

    def _name(self, pod: str, volume: str) -> str:
        return f"{self._ownership.name}-{pod}-{volume}"


def _content_key(files: tuple[File, ...]) -> str:
    digest = hashlib.blake2b(digest_size=6)
    for file in sorted(files, key=lambda file: file.path):
        digest.update(f"{file.path}\0{file.mode}\0{len(file.content)}\0".encode() + file.content)
    return digest.hexdigest()


def _write(folder: Path, files: tuple[File, ...]) -> None:
    folder.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = folder.with_name(f".{folder.name}")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for file in files:
        path = part / file.path
        if not path.resolve().is_relative_to(part.resolve()):
            raise NotStartable(f"the file {file.path} would be outside its volume")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(file.mode)
    for inner in (part, *(path for path in part.rglob("*") if path.is_dir())):
        inner.chmod(0o755)  # whatever our umask is: the container may run as anybody
    part.rename(folder)


def _volume_mount(name: str, path: str) -> dict[str, Any]:
    """Empty even where the image has files at that path."""
    return {"Type": "volume", "Source": name, "Target": path, "VolumeOptions": {"NoCopy": True}}


def _folders_archive(names: list[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, _EVERYBODY
            tar.addfile(info)
    return buffer.getvalue()
