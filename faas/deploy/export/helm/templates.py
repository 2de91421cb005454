"""Templates of a chart: manifests in which a few words are Helm's. Pure.

What is text for Helm is written in only here, after what stood in the manifest has been escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from textwrap import indent
from typing import Any

from faas.client.protocol import Object
from faas.deploy.export.documents import to_yaml
from faas.deploy.export.helm.values import HERE, SAID_BY_TEMPLATE, metadata_varies, shared_container, varies
from faas.project.manifests.labels import PROJECT_LABEL, STAGE_LABEL

_STAGE = "faas-release-stage"  # stands in labels for the stage's
_STAGE_LINE = re.compile(rf"^( *){_STAGE}: .*$", re.MULTILINE)


def make_helpers(chart: str) -> str:
    """What several templates say."""
    return f"""{{{{/* The reference of an image: its repository, with a tag, a digest, or both. */}}}}
{{{{- define "{chart}.image" -}}}}
{{{{ .repository }}}}{{{{ with .tag }}}}:{{{{ . }}}}{{{{ end }}}}{{{{ with .digest }}}}@{{{{ . }}}}{{{{ end }}}}
{{{{- end }}}}

{{{{/* The annotations of a function's revisions: how it scales, and others. */}}}}
{{{{- define "{chart}.annotations" -}}}}
{{{{- range $name, $value := .scale }}}}
autoscaling.knative.dev/{{{{ $name }}}}: {{{{ $value | quote }}}}
{{{{- end }}}}
{{{{- range $name, $value := .annotations }}}}
{{{{ $name }}}}: {{{{ $value | quote }}}}
{{{{- end }}}}
{{{{- end }}}}
"""


def make_service_template(chart: str, project: str, name: str, editions: Sequence[Object | None]) -> str:
    """Of one function; it is gone from a release when its values are null."""
    service = next(each for each in editions if each is not None)
    template = service["spec"]["template"]
    metadata = (template.get("metadata") or {}).get("labels") or {}
    head = {key: service[key] for key in ("apiVersion", "kind")}
    lines = [
        f'{{{{- with index .Values.functions "{name}" }}}}',
        _static({**head, "metadata": _staged(service["metadata"])}),
        _static({key: value for key, value in service["spec"].items() if key != "template"}, 2, under="spec:"),
        "  template:",
        "    metadata:",
        _static({"labels": metadata}, 6) if metadata else "",
        f'      {{{{- with include "{chart}.annotations" . | trim }}}}',
        "      annotations:",
        "        {{- . | nindent 8 }}",
        "      {{- end }}",
        "    spec:",
        "      {{- with .concurrency }}",
        "      containerConcurrency: {{ int . }}",
        "      {{- end }}",
        "      {{- with .timeout }}",
        "      timeoutSeconds: {{ int . }}",
        "      {{- end }}",
        "      {{- with .pod }}",
        "      {{- toYaml . | nindent 6 }}",
        "      {{- end }}",
        "      containers:",
        f'      - image: {{{{ include "{chart}.image" (.image | default $.Values.image) }}}}',
        _environment(template["spec"]["containers"][0]),
        "        {{- with .resources }}",
        "        resources:",
        "          {{- toYaml . | nindent 10 }}",
        "        {{- end }}",
        _static(shared, 8) if (shared := shared_container(editions)) else "",
        "        {{- with .container }}",
        "        {{- toYaml . | nindent 8 }}",
        "        {{- end }}",
        "{{- range .domains }}",
        "---",
        _domain(project, name),
        "{{- end }}",
        "{{- end }}",
    ]
    return "\n".join(line.rstrip("\n") for line in lines if line) + "\n"


def make_object_template(key: str, editions: Sequence[Object | None]) -> str:
    """Of anything else: as it is where all editions agree on it, else what the values say."""
    obj = next(each for each in editions if each is not None)
    if not varies(editions):
        text = _static({**obj, "metadata": _staged(obj["metadata"])})
        return f"{{{{- if .Values.brokers }}}}\n{text}{{{{- end }}}}\n" if obj["kind"] == "Broker" else text
    head = {"apiVersion": obj["apiVersion"], "kind": obj["kind"]}
    if not metadata_varies(editions):
        lines = [_static({**head, "metadata": _staged(obj["metadata"])}), "{{ toYaml . }}"]
    else:
        named = {field: value for field, value in obj["metadata"].items() if field in ("name", "namespace")}
        lines = [
            _static({**head, "metadata": named}),
            "  {{- toYaml .metadata | nindent 2 }}",
            '{{ toYaml (omit . "metadata") }}',
        ]
    lines = [f'{{{{- with index .Values.objects "{key}" }}}}', *lines, "{{- end }}"]
    return "\n".join(line.rstrip("\n") for line in lines) + "\n"


def make_notes(project: str, secrets: Sequence[str]) -> str:
    """What Helm says when it has installed the chart."""
    lines = [
        f"The functions of {project} are in namespace {{{{ .Release.Namespace }}}}:",
        "{{ range $name, $function := .Values.functions }}{{ if $function }}",
        "  {{ $name }}{{ range $function.domains }}  http://{{ . }}{{ end }}{{ end }}{{ end }}",
        "",
        "Their addresses, and whether they are ready:",
        "",
        "  kubectl get services.serving.knative.dev -n {{ .Release.Namespace }}",
    ]
    if secrets:
        lines += ["", f"These Secrets have to be there, see SECRETS.md: {', '.join(secrets)}"]
    return "\n".join(lines) + "\n"


def _staged(metadata: Mapping[str, Any]) -> Object:
    """With a place for the stage's label on what is the project's: a Broker is everybody's."""
    labels = metadata.get("labels") or {}
    return {**metadata, "labels": {**labels, _STAGE: "-"}} if PROJECT_LABEL in labels else dict(metadata)


def _static(manifest: Mapping[str, Any], depth: int = 0, *, under: str = "") -> str:
    """Part of a manifest as it is, with the release's namespace and stage in it.

    Args: depth: the column. under: a line above it that is there also when nothing else is.
    """
    text = _escaped(to_yaml(manifest)) if manifest else ""
    text = text.replace(HERE, "{{ $.Release.Namespace }}")
    text = _STAGE_LINE.sub(
        lambda line: (
            f"{line[1]}{{{{- with $.Values.stage }}}}\n{line[1]}{STAGE_LABEL}: {{{{ . }}}}\n{line[1]}{{{{- end }}}}"
        ),
        text,
    )
    return (f"{under}\n" if under else "") + indent(text, " " * depth)


def _escaped(text: str) -> str:
    return text.replace("{{", '{{ "{{" }}')


def _environment(container: Mapping[str, Any]) -> str:
    """Variables by their names, as they are in a manifest; what the release knows, unless the values know better."""
    known = {each["name"]: str(each.get("value", "")) for each in container.get("env") or ()
             if each["name"] in SAID_BY_TEMPLATE}  # fmt: skip
    first = known.pop("FAAS_FUNCTION", "")
    ours = "".join(f" {_quoted(name)} {_of_release(value)}" for name, value in sorted(known.items()))
    values = f"merge (dict) .env (dict{ours})" if ours else ".env"
    lines = ["env:"]
    if first:
        lines += ["- name: FAAS_FUNCTION", f"  value: {_escaped(to_yaml(first).removesuffix('...').strip())}"]
    lines += [
        f"{{{{- range $name, $value := {values} }}}}",
        "- name: {{ $name }}",
        '  {{- if kindIs "map" $value }}',
        "  {{- toYaml $value | nindent 10 }}",
        "  {{- else }}",
        "  value: {{ $value | quote }}",
        "  {{- end }}",
        "{{- end }}",
    ]
    return indent("\n".join(lines), " " * 8)


def _of_release(value: str) -> str:
    """A string that may tell the namespace, as an expression of Helm's."""
    if value == HERE:
        return "$.Release.Namespace"
    if HERE not in value:
        return _quoted(value)
    pattern = value.replace("%", "%%").replace(HERE, "%s")
    return f"(printf {_quoted(pattern)}{' $.Release.Namespace' * value.count(HERE)})"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _domain(project: str, service: str) -> str:
    manifest = {
        "apiVersion": "serving.knative.dev/v1beta1",
        "kind": "DomainMapping",
        "metadata": _staged({"name": "{{ . }}", "namespace": HERE, "labels": {PROJECT_LABEL: project}}),
        "spec": {"ref": {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": service}},
    }
    return _static(manifest).replace("'{{ \"{{\" }} . }}'", "{{ . }}")
