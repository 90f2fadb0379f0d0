{{- /* Variables are a map until the end, so that no name can stand in a list twice. */ -}}

{{- define "gopherpay.listed" -}}
{{- range $name, $source := . }}
- name: {{ $name }}
  {{- if kindIs "map" $source }}
  valueFrom: {{ toJson $source }}
  {{- else }}
  value: {{ toString $source | quote }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* What every process needs that talks to Postgres, as JSON. */ -}}
{{- define "gopherpay.postgresVariables" -}}
{{- $secret := ternary (include "gopherpay.ownerSecret" .root) (include "gopherpay.appSecret" .root) .owner -}}
{{- $key := ternary .root.Values.postgres.ownerKey .root.Values.postgres.appKey .owner -}}
{{- $env := dict
      "GOPHERPAY_POSTGRES_URL" (dict "secretKeyRef" (dict "name" $secret "key" $key))
      "GOPHERPAY_LOG_LEVEL" .root.Values.logLevel
      "GOPHERPAY_DATA_DIR" "/tmp/data" -}}
{{- if .root.Values.postgres.caSecret -}}
{{- $_ := set $env "PGSSLROOTCERT" (printf "/etc/gopherpay/postgres/%s" .root.Values.postgres.caKey) -}}
{{- end -}}
{{- toJson $env -}}
{{- end }}

{{- /* The environment of the platform's own processes. */ -}}
{{- define "gopherpay.environment" -}}
{{- $v := .root.Values -}}
{{- $env := include "gopherpay.postgresVariables" (dict "root" .root "owner" false) | fromJson -}}
{{- $env = merge $env (dict
      "GOPHERPAY_PROFILE" $v.profile
      "GOPHERPAY_HOST" "0.0.0.0"
      "GOPHERPAY_PORT" "8000"
      "GOPHERPAY_KEYS_DIR" "/etc/gopherpay/keys"
      "GOPHERPAY_METRICS_PORT" (toString $v.metrics.port)
      "GOPHERPAY_MIGRATE_AT_START" "false"
      "GOPHERPAY_TRUSTED_PROXIES" (toString $v.trustedProxies)
      "GOPHERPAY_POSTGRES_POOL_MAX" (toString $v.postgres.poolMax)
      "GOPHERPAY_INGRESS_REPLICAS" (toString .ingress)
      "GOPHERPAY_IDENTITY_REPLICAS" (toString $v.identityReplicas)
      "GOPHERPAY_NOTIFIER_REPLICAS" (toString $v.notifierReplicas)
      "GOPHERPAY_WEBHOOK_REPLICAS" (toString $v.webhookReplicas)
      "GOPHERPAY_SHARD_PLACE" $v.shards.place
      "GOPHERPAY_SHARD_REPLICAS" (toString $v.shards.replicas)
      "GOPHERPAY_SHARD_GENERATION" (toString $v.generation)
      "GOPHERPAY_LOG_FILE" "/proc/1/fd/2"
      "RAY_USAGE_STATS_ENABLED" "0") -}}
{{- if $v.publicUrl }}{{ $_ := set $env "GOPHERPAY_PUBLIC_URL" $v.publicUrl }}{{ end -}}
{{- if $v.kafka.enabled }}{{ $env = merge $env (include "gopherpay.kafkaVariables" .root | fromJson) }}{{ end -}}
{{- if $v.novu.enabled }}{{ $env = merge $env (include "gopherpay.novuVariables" .root | fromJson) }}{{ end -}}
{{- range $v.extraEnv }}{{ $_ := set $env .name (default .valueFrom .value) }}{{ end -}}
{{- include "gopherpay.listed" $env -}}
{{- end }}

{{- define "gopherpay.kafkaVariables" -}}
{{- $kafka := .Values.kafka -}}
{{- $env := dict
      "GOPHERPAY_KAFKA_BOOTSTRAP_SERVERS" $kafka.bootstrapServers
      "GOPHERPAY_KAFKA_SECURITY_PROTOCOL" $kafka.securityProtocol
      "GOPHERPAY_KAFKA_TOPIC_PREFIX" $kafka.topicPrefix
      "GOPHERPAY_KAFKA_TOPICS_MADE" (toString (and $kafka.topicsMade (not .Values.resources.enabled)))
      "GOPHERPAY_KAFKA_PARTITIONS" (toString $kafka.partitions)
      "GOPHERPAY_KAFKA_REPLICATION" (toString $kafka.replication)
      "GOPHERPAY_RELAY_REPLICAS" (toString $kafka.relayReplicas) -}}
{{- if $kafka.existingSecret -}}
{{- $_ := set $env "GOPHERPAY_KAFKA_SASL_MECHANISM" $kafka.saslMechanism -}}
{{- $_ := set $env "GOPHERPAY_KAFKA_SASL_USERNAME" (dict "secretKeyRef" (dict "name" $kafka.existingSecret "key" $kafka.usernameKey)) -}}
{{- $_ := set $env "GOPHERPAY_KAFKA_SASL_PASSWORD" (dict "secretKeyRef" (dict "name" $kafka.existingSecret "key" $kafka.passwordKey)) -}}
{{- end -}}
{{- if $kafka.caSecret -}}
{{- $_ := set $env "GOPHERPAY_KAFKA_CA_FILE" (printf "/etc/gopherpay/kafka/%s" $kafka.caKey) -}}
{{- end -}}
{{- toJson $env -}}
{{- end }}

{{- define "gopherpay.novuVariables" -}}
{{- $novu := .Values.novu -}}
{{- dict
      "GOPHERPAY_NOVU_URL" $novu.url
      "GOPHERPAY_NOVU_API_KEY" (dict "secretKeyRef" (dict "name" $novu.existingSecret "key" $novu.apiKeyKey))
      "GOPHERPAY_NOVU_APPLICATION_IDENTIFIER" (dict "secretKeyRef" (dict "name" $novu.existingSecret "key" $novu.applicationIdentifierKey "optional" true))
    | toJson -}}
{{- end }}
