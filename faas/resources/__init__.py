"""Kubernetes and Knative objects as values: kinds, typed views, schemas, defaulting, validation, conditions. No I/O.

An object is a raw mapping, as on the wire; nothing in here changes its arguments. Modules, from the bottom up:

- `kinds`: `Kind`, `Column`, `KINDS` (each in the version that is stored), `SERVED` (all versions), `SOURCES`,
  `stored(kind)`, `versions(kind)`
- `durations`: Go durations: `parse(text) -> seconds`, `parse_ns`, `is_whole_seconds`, `format(seconds)`,
  `DurationError`
- `periods`: ISO 8601 durations: `parse_s(text) -> seconds`, `PeriodError`
- `timezones`: `check_time_zone(name)`, `UnknownTimeZone`
- `schedules`: `Schedule(expression, timezone)`: `.next_after(moment)`, `.newest(after, until)`; `ScheduleError`
- `quantities`: Kubernetes quantities: `parse(q) -> Decimal`, `bytes_of(q)`, `millis_of(q)`, `QuantityError`
- `names`: `child_name(parent, suffix)`, `revision_name(configuration, generation)`, `deployment_name(revision)`,
  `pod_name(revision, token)`, `dns_label(python_name)`, `label_problem(name)`, `subdomain_problem(name)` -> str | None
- `keys`: the keys of labels and annotations, by name (`SERVICE_LABEL`, `MIN_SCALE`, ...), our own `faas.dev/...` too
- `views`: `View`, `ObjectView`; `decode(View, raw) -> View`, `encode(view) -> dict` (only what is set),
  `owner_reference(raw) -> dict`, `UndecodableObject`
- `meta`: views ObjectMeta, OwnerReference, Condition; `podspec`: Container, Probe, EnvVar, ...; `volumes`: Volume, ...;
  `core`: Namespace, Secret, ConfigMap, Pod, Event, ServiceAccount
- `payloads`: `texts_of(raw) -> {key: text}` of a Secret or ConfigMap, `can_be_variable(text)`
- `serving`: views Service, Configuration, Revision, Route, RevisionTemplate, RevisionSpec, TrafficTarget, *Status
- `duck`: what Knative's kinds share: KReference, Destination, Delivery, Addressable, SourceSpec, SourceStatus, ...
- `eventing`: views Broker, Trigger, SubscriptionsAPIFilter, *Status; `eventtypes`: EventType in its versions;
  `sources.knative`: PingSource, ApiServerSource, ContainerSource, SinkBinding; `sources.kafka`, `.redis`, `.rabbitmq`
  and `.github`: KafkaSource, RedisStreamSource, RabbitmqSource, GitHubSource
- `definitions`: `make_definition(kind, versions, now) -> raw`, a CustomResourceDefinition
- `catalog`: `view_of(kind) -> type`
- `conditions`: `SERVICE_CONDITIONS`, `REVISION_CONDITIONS`, `TRIGGER_CONDITIONS`, ... and `conditions_of(kind)`, each a
  `ConditionSet` with `.initialize(conditions, now)` and `.mark(conditions, type, status, reason, message, now=now)`;
  `find(conditions, type)`, `has_status`, `is_ready`. Conditions are tuples of `Condition`; `now` is an aware datetime
- `selectors`: `parse_labels(text) -> LabelSelector`, `parse_fields(text) -> FieldSelector`; both have
  `.matches(raw) -> bool`; `SelectorError`
- `jsonpath`: `compile_path(path) -> Callable[[raw], value | None]` for printer columns
- `schema`: `openapi_schemas(group, version)` (component schemas), `schema_name(kind)`, `field_tree(kind) -> Field`,
  `fields(view) -> {name: Field}` (types, list types and merge keys)
- `fields`: `unknown_fields(kind, raw) -> list[str]`, `prune(kind, raw) -> (raw, unknown paths)`,
  `type_errors(kind, raw) -> list[SchemaError]` (path, reason, message), `decoding_message(kind, error)`,
  `strict_message(kind, unknown, duplicates)`, `field_warnings(unknown, duplicates)`, `loads_with_duplicates(text)`
- `conversion`: `to_stored(kind, raw, live) -> raw`, `from_stored(kind, raw) -> raw`: other versions of the same object
- `config`: `Config` (`autoscaler`, `defaults`, `gc`, `network`, `deployment`, `features`, `brokers`, `ping`; `Config()`
  is all defaults), `parse_config({config map name: data}) -> Config`, `ConfigError`, `DEFAULT_CONFIG_MAPS`,
  `CONFIG_NAMESPACE`, `EVENTING_NAMESPACE`, `CONFIG_MAP_NAMES`, `config_namespace(name)`;
  `config.network.host(name, namespace, domain, tag)`
- `autoscaling`: `scaling_values(annotations, container_concurrency, config) -> ScalingValues`
- `defaulting`: `set_defaults(kind, raw, config, *, old=None, user="") -> raw`
- `validation`: `validate(kind, new, old, config) -> list[FieldError]`, `refusal(kind, new, errors) -> Refusal | None`
  (code, reason, message and causes of the Status), `warnings(kind, raw) -> list[str]`

A write goes through `fields` (unknown fields, types), then `conversion`, `defaulting` and `validation`.
"""
