"""What a source's events look like: one module a kind, each with a pure `make_event(...)`.

Adapters and the engine's own sources make their events here, and so does the test client: what a test sends is what
production sends. Attributes are Knative's own where Knative has the kind, the CloudEvents adapter conventions for
buckets, and `dev.faas.*` for the rest. No clock and no chance: ids and times that upstream does not give are arguments.

`type` - `source` - `subject`:

- `schedule`: dev.knative.sources.ping - /apis/v1/namespaces/NS/pingsources/NAME
- `mqtt`: dev.faas.mqtt.message - the broker's URL - the topic
- `bucket`: com.amazonaws.s3.ObjectCreated:Put, ….ObjectRemoved:Delete - aws:s3.REGION.BUCKET - the key
- `redis`: dev.knative.sources.redisstream - ADDRESS/STREAM
- `kafka`: dev.knative.kafka.event - /apis/v1/namespaces/NS/kafkasources/NAME#TOPIC - partition:P#OFFSET
- `rabbitmq`: dev.knative.rabbitmq.event - /apis/v1/namespaces/NS/rabbitmqsources/NAME#QUEUE - the message's id
- `github`: dev.knative.source.github.EVENT - https://github.com/OWNER/REPO - a number, a name, the compared commits
- `kubernetes`: dev.knative.apiserver.{resource,ref}.{add,update,delete} - the API server's URL - the object's path
- `webhook`: dev.faas.webhook, or as it is told - /apis/v1/namespaces/NS/containersources/NAME
- `files`: dev.faas.file.{created,modified,removed} - file:///FOLDER - the path in it
"""
