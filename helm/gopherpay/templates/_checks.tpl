{{- /* Values that fit the schema and yet cannot work, each with a sentence that says what to do. */ -}}
{{- define "gopherpay.checks" -}}
{{- $v := .Values -}}
{{- if and (not $v.keys.existingSecret) (not $v.keys.generate) -}}
{{- fail "keys.existingSecret must name the Secret with the platform's keys (jwt-ed25519.pem, kek, pepper, email-lookup, refresh): see docs/operating/kubernetes.md, or set keys.generate=true where nothing is lost with them." -}}
{{- end -}}
{{- if and $v.keys.existingSecret $v.keys.generate -}}
{{- fail "keys.existingSecret and keys.generate exclude each other: leave one of them out." -}}
{{- end -}}
{{- if and $v.keys.generate (eq $v.profile "production") -}}
{{- fail "keys.generate=true is for development: in production make the Secret yourself, keep a copy of it elsewhere, and name it in keys.existingSecret." -}}
{{- end -}}
{{- if and (eq $v.profile "production") (not $v.publicUrl) -}}
{{- fail "publicUrl must say where people reach the platform, such as https://pay.example.com: the links in mails begin with it." -}}
{{- end -}}
{{- if not (or $v.postgres.existingSecret $v.resources.enabled) -}}
{{- fail "postgres.existingSecret must name the Secret with the addresses of the database (app-url, owner-url), or set resources.enabled=true and let the operator make it." -}}
{{- end -}}
{{- if and $v.resources.enabled (not $v.postgres.existingSecret) (not $v.resources.postgres.connection) -}}
{{- fail "resources.postgres.connection must name the PostgresConnection on which the database is made: kubectl get postgresconnections." -}}
{{- end -}}
{{- if and $v.kafka.enabled (not $v.kafka.bootstrapServers) -}}
{{- fail "kafka.bootstrapServers must name the brokers, such as kafka-0.kafka.svc:9093, or set kafka.enabled=false: the outbox is then the bus." -}}
{{- end -}}
{{- if and $v.kafka.enabled (hasPrefix "SASL" $v.kafka.securityProtocol) (not $v.kafka.existingSecret) -}}
{{- fail (printf "kafka.existingSecret must name the Secret with the user at the brokers (username, password), since kafka.securityProtocol is %s." $v.kafka.securityProtocol) -}}
{{- end -}}
{{- if and $v.novu.enabled (not $v.novu.existingSecret) -}}
{{- fail "novu.existingSecret must name the Secret with the key of the Novu environment (api-key), or set novu.enabled=false." -}}
{{- end -}}
{{- if and (eq $v.migration.mode "DatabaseMigration") (not (and $v.resources.enabled (not $v.postgres.existingSecret))) -}}
{{- fail "migration.mode=DatabaseMigration migrates a PostgresDatabase of the operator: set resources.enabled=true and leave postgres.existingSecret out, or choose migration.mode=Job." -}}
{{- end -}}
{{- if and $v.ray.redis.existingSecret (not $v.ray.redis.address) -}}
{{- fail "ray.redis.address must say where the Redis is whose password ray.redis.existingSecret holds." -}}
{{- end -}}
{{- if and $v.restoreDrill.enabled (not (or $v.backup.enabled $v.backup.existingClaim)) -}}
{{- fail "restoreDrill.enabled=true needs dumps to restore: set backup.enabled=true, or name the claim that holds them in backup.existingClaim." -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.host) -}}
{{- fail "ingress.host must be the name that people use, such as pay.example.com." -}}
{{- end -}}
{{- if and $v.ingress.enabled (eq $v.profile "production") (not $v.ingress.tlsSecret) -}}
{{- fail "ingress.tlsSecret must name the certificate of ingress.host: in production nobody signs in without TLS." -}}
{{- end -}}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs must name the Gateway that the route belongs to." -}}
{{- end -}}
{{- end }}
