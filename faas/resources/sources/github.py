"""GitHubSource. Source: knative-extensions/eventing-github."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import field

from faas.resources import kinds
from faas.resources.duck import Endpoint, KReference, SourceStatus
from faas.resources.kinds import Kind
from faas.resources.meta import ObjectMeta
from faas.resources.views import ObjectView, View, doc

GITHUB_EVENTS = (
    "check_suite", "commit_comment", "create", "delete", "deployment", "deployment_status", "fork", "gollum",
    "installation", "integration_installation", "issue_comment", "issues", "label", "member", "membership",
    "milestone", "organization", "org_block", "page_build", "ping", "project_card", "project_column", "project",
    "public", "pull_request", "pull_request_review", "pull_request_review_comment", "push", "release", "repository",
    "status", "team", "team_add", "watch",
)  # fmt: skip


class GitHubSecretKeySelector(View, frozen=True):
    """One key of a Secret."""

    key: Annotated[str, doc("The key to read.")]
    name: Annotated[str, doc("Name of the Secret.")]


class GitHubSecretValue(View, frozen=True):
    """A value out of a Secret."""

    secret_key_ref: Annotated[GitHubSecretKeySelector | None, doc("The key of the Secret.")] = None


class GitHubOverrides(View, frozen=True):
    """What a source adds to its events."""

    extensions: Annotated[dict[str, str], doc("Extension attributes, over those that the event has.")]


class GitHubReference(KReference, frozen=True):
    """Names an object, here or in another namespace."""

    api_version: Annotated[str, doc("Group and version: eventing.knative.dev/v1, ...", required=True)] = ""
    kind: Annotated[str, doc("Kind: Service, Broker, ...", required=True)] = ""
    name: Annotated[str, doc("Name.", required=True)] = ""


class GitHubSink(Endpoint, frozen=True):
    """An object that takes events, or the URI of one."""

    ref: Annotated[GitHubReference | None, doc("An object with an address: a Service, a Broker, ...")] = None


class GitHubSourceSpec(View, frozen=True):
    """Which events of which repository."""

    access_token: Annotated[GitHubSecretValue | None, doc("Token that may make webhooks.", required=True)] = None
    ce_overrides: Annotated[GitHubOverrides | None, doc("What is added to each event.")] = None
    event_types: Annotated[
        tuple[Annotated[str, doc("A kind of GitHub's events.", enum=GITHUB_EVENTS)], ...],
        doc("Kinds of events to send.", required=True),
    ] = ()
    github_api_url: Annotated[str, doc("API of a GitHub of your own.")] = field(default="", name="githubAPIURL")
    owner_and_repository: Annotated[str, doc("OWNER/REPOSITORY, or an organization.", required=True)] = ""
    secret_token: Annotated[GitHubSecretValue | None, doc("Secret that signs webhooks.", required=True)] = None
    secure: Annotated[bool | None, doc("Whether GitHub is to check the certificate of the webhook's URL.")] = None
    service_account_name: Annotated[str, doc("Service account to run as.")] = ""
    sink: Annotated[GitHubSink, doc("Where the events go.")] = GitHubSink()


class GitHubSourceStatus(SourceStatus, frozen=True):
    """The observed state of a GitHubSource."""

    webhook_id_key: Annotated[str, doc("Id of the webhook that was made.")] = field(default="", name="webhookIDKey")


class GitHubSource(ObjectView, frozen=True):
    """Makes events of what happens in a GitHub repository."""

    KIND: ClassVar[Kind] = kinds.GITHUB_SOURCE
    metadata: Annotated[ObjectMeta, doc("Name, namespace, labels and annotations.")] = ObjectMeta()
    spec: Annotated[GitHubSourceSpec, doc("Which events, and where they go.")] = GitHubSourceSpec()
    status: Annotated[GitHubSourceStatus, doc("Whether the webhook is there.")] = GitHubSourceStatus()
