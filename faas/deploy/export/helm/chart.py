"""An edition as a Helm chart, and a file of values for each of the project's stages. Pure.

What the embedded engine, kustomize and a plain export say is what the chart says, in the namespace of its release.
Values are what people change from one place to the next; what they do not is in the templates.
"""

from __future__ import annotations

from collections.abc import Sequence

from faas.deploy.export.documents import Files, to_yaml
from faas.deploy.export.editions.edition import Edition
from faas.deploy.export.helm.templates import make_helpers, make_notes, make_object_template, make_service_template
from faas.deploy.export.helm.values import Editions, make_values, over
from faas.deploy.export.needed import make_secrets_page

VERSION = "0.1.0"  # of a chart that nobody has numbered yet

_ABOUT = """\
# image: what all functions run from; the digest wins over the tag, and a function may have an image of its own.
# functions.NAME, where null leaves a function out:
#   scale: Knative's autoscaling annotations by their last word: min-scale, max-scale, target, metric, window, ...
#   concurrency: requests that an instance takes at once, 0: without a limit. timeout: in seconds.
#   env: values, or {valueFrom: ...}. resources: of the container. domains: hosts of its own.
#   pod: anything else that a Revision has: serviceAccountName, nodeSelector, tolerations, volumes, ...
# brokers: false where others make the Brokers.
"""


def make_chart(base: Edition, stages: Sequence[Edition] = ()) -> Files:
    """Chart.yaml, values.yaml, values-STAGE.yaml, templates/, and SECRETS.md where Secrets are needed."""
    project = base.project
    editions = Editions(base, stages)
    values, *of_stages = make_values(editions)
    files: Files = {
        "Chart.yaml": to_yaml(
            {
                "apiVersion": "v2", "name": project, "description": f"The functions of {project}, for Knative",
                "type": "application", "version": VERSION,
            }
        ),
        "values.yaml": _ABOUT + to_yaml(values),
        "templates/_helpers.tpl": make_helpers(project),
    }  # fmt: skip
    for stage, own in zip(stages, of_stages, strict=True):
        command = f"helm upgrade --install {project} . -n {stage.namespace} -f values-{stage.stage}.yaml"
        files[f"values-{stage.stage}.yaml"] = f"# {command}\n" + to_yaml(over(values, own))
    for name, services in editions.services().items():
        files[f"templates/service-{name}.yaml"] = make_service_template(project, project, name, services)
    for key, objects in editions.others().items():
        files[f"templates/{key}.yaml"] = make_object_template(key, objects)
    secrets = sorted({secret.name for edition in (base, *stages) for secret in edition.secrets})
    files["templates/NOTES.txt"] = make_notes(project, secrets)
    return {**files, **make_secrets_page([base, *stages])}
