"""Kubernetes and Knative objects as values: kinds, typed views, schemas, defaulting, validation, conditions. No I/O.

An object is a raw mapping, as on the wire; nothing in here changes its arguments. Modules, from the bottom up:

- `kinds`: `Kind`, `Column`, `KINDS`; `kind_of(raw)`, `find_kind(api_version, kind)`
- `durations`: Go durations: `parse(text) -> float seconds`, `format(seconds) -> "1m30s"`, `DurationError`
- `quantities`: Kubernetes quantities: `parse(q) -> Decimal`, `bytes_of(q) -> int`, `millis_of(q) -> int`,
  `format_bytes(n)`, `format_millis(n)`, `QuantityError`
- `names`: `child_name(parent, suffix)`, `revision_name(configuration, generation)`, `deployment_name(revision)`,
  `pod_name(revision, token)`, `dns_label(python_name)`, `label_problem(name)`, `subdomain_problem(name)` -> str | None
- `keys`: the annotation and label keys, by name (`SERVICE_LABEL`, `MIN_SCALE`, ...), incl. our own (`faas.dev/...`)
- `core`: views: ObjectMeta, OwnerReference, Condition, Namespace, Secret, ConfigMap, Pod, Event, ServiceAccount, and the
  parts of a Pod's spec (Container, Probe, EnvVar, EnvFromSource, VolumeMount, Volume, ...)
- `serving`: views: Service, Configuration, Revision, Route, RevisionTemplate, RevisionSpec, TrafficTarget, *Status
- `views`: `decode(View, raw) -> View`, `encode(view) -> dict` (only what is set), `view_of(kind) -> type`,
  `owner_reference(raw) -> dict`
- `conditions`: `SERVICE_CONDITIONS`, `CONFIGURATION_CONDITIONS`, `REVISION_CONDITIONS`, `ROUTE_CONDITIONS`
  (`ConditionSet`); `initialize(set, conditions, now)`, `mark(set, conditions, type, status, reason, message, now)`,
  `get(conditions, type)`, `is_true(conditions, type)`. Conditions are lists of raw mappings; `now` is a datetime.
- `selectors`: `parse_labels(text) -> LabelSelector`, `parse_fields(text) -> FieldSelector`; both have
  `.matches(raw) -> bool`; `SelectorError`
- `jsonpath`: `compile_path(path) -> Callable[[raw], value | None]` for printer columns
- `schema`: `openapi_schemas(group, version) -> dict[name, schema]` (component schemas),
  `schema_name(kind)`, `list_map_keys(kind, path)`, `field_tree(kind) -> Field` (types, list kinds and merge keys)
- `fields`: `unknown_fields(kind, raw) -> list[str]`, `prune(kind, raw) -> (raw, unknown paths)`,
  `type_errors(kind, raw) -> list[str]`, `strict_message(unknown, duplicates)`, `loads_with_duplicates(text)`
- `config`: `Config` (`autoscaler`, `defaults`, `gc`, `network`, `deployment`, `features`),
  `parse_config({config map name: data}) -> Config`, `DEFAULT_CONFIG_MAPS`, `check_config_map(raw) -> str | None`
- `autoscaling`: `scaling_values(annotations, container_concurrency, config) -> ScalingValues`
- `defaulting`: `set_defaults(kind, raw, config, *, old=None, user="") -> raw`
- `validation`: `validate(kind, new, old, config) -> list[FieldError]`, `refusal(kind, errors) -> str` (the message of the
  Status), `FieldError(message, paths, details, reason)`
"""
