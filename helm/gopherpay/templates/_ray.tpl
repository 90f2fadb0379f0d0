{{- /* A fraction of a CPU each: the head offers none, so nothing of ours runs there. */ -}}
{{- define "gopherpay.deployments" -}}
{{- $v := .Values -}}
{{- $options := "ray_actor_options: {num_cpus: 0.01}" -}}
- {name: Ingress, num_replicas: {{ $v.ray.workers.replicas }}, max_replicas_per_node: 1, {{ $options }}}
- {name: IdentityApi, num_replicas: {{ $v.identityReplicas }}, {{ $options }}}
- {name: Notifier, num_replicas: {{ $v.notifierReplicas }}, {{ $options }}}
- {name: Webhooks, num_replicas: {{ $v.webhookReplicas }}, {{ $options }}}
{{- if $v.kafka.enabled }}
- {name: Relay, num_replicas: {{ $v.kafka.relayReplicas }}, {{ $options }}}
{{- end }}
{{- if eq $v.shards.place "deployment" }}
- {name: AccountShard, num_replicas: {{ $v.shards.replicas }}, {{ $options }}}
{{- end }}
{{- end }}

{{- /* Ray needs the time to drain, and some to end: with less it would be cut off. */ -}}
{{- define "gopherpay.rayPod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "gopherpay.podLabels" (dict "root" $root "component" .component) | nindent 4 }}
  annotations:
    ray.io/overwrite-container-cmd: "true"
    {{- with $root.Values.restartedAt }}
    gopherpay.dev/restarted-at: {{ . | quote }}
    {{- end }}
spec:
  terminationGracePeriodSeconds: {{ add $root.Values.ray.drainSeconds 30 }}
  {{- include "gopherpay.podSecurity" $root | nindent 2 }}
  {{- include "gopherpay.placement" .group | nindent 2 }}
  {{- if eq .component "worker" }}
  {{- include "gopherpay.spread" (dict "root" $root "component" "worker") | nindent 2 }}
  {{- else }}
  initContainers:
    {{- include "gopherpay.awaitSchema" $root | nindent 4 }}
  {{- end }}
  containers:
    - name: ray
      {{- include "gopherpay.containerImage" $root | nindent 6 }}
      command: [python, -m, serve_app.kuberay]
      env:
        - name: RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S
          value: {{ $root.Values.ray.drainSeconds | quote }}
        {{- include "gopherpay.environment" (dict "root" $root "ingress" $root.Values.ray.workers.replicas) | nindent 8 }}
      ports:
        - {name: serve, containerPort: 8000}
        - {name: scrape, containerPort: {{ $root.Values.metrics.port }}}
        {{- if eq .component "head" }}
        - {name: gcs-server, containerPort: 6379}
        - {name: dashboard, containerPort: 8265}
        - {name: client, containerPort: 10001}
        {{- end }}
        - {name: metrics, containerPort: 8080}
      securityContext:
        {{- include "gopherpay.containerSecurity" $root | nindent 8 }}
      resources:
        {{- toYaml .group.resources | nindent 8 }}
      volumeMounts:
        {{- include "gopherpay.platformMounts" $root | nindent 8 }}
  volumes:
    {{- include "gopherpay.platformVolumes" $root | nindent 4 }}
{{- end }}
