{{- /* The pods of one or more components of this release. */ -}}
{{- define "gopherpay.components" -}}
matchLabels:
  {{- include "gopherpay.selector" .root | nindent 2 }}
matchExpressions:
  - {key: app.kubernetes.io/component, operator: In, values: {{ toJson .components }}}
{{- end }}

{{- /* Peers and ports of one edge; no peers is everybody. .side is "from" or "to". */ -}}
{{- define "gopherpay.edge" -}}
- ports:
    {{- range .ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
  {{- with .peers }}
  {{ $.side }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}

{{- define "gopherpay.policyHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "gopherpay.fullname" .root }}-{{ .name }}
  labels:
    {{- include "gopherpay.labels" .root | nindent 4 }}
{{- end }}

{{- /* The components whose pods run the platform's processes. */ -}}
{{- define "gopherpay.running" -}}
{{ ternary (list "head" "worker") (list "platform") (eq .Values.mode "rayService") | toJson }}
{{- end }}
