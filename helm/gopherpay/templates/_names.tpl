{{- /* Names and labels. Selectors never hold the version. */ -}}

{{- define "gopherpay.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- /* At most 40 characters: KubeRay and CronJobs add to it. */ -}}
{{- define "gopherpay.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "gopherpay.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "gopherpay.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "gopherpay.selector" -}}
app.kubernetes.io/name: {{ include "gopherpay.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gopherpay.labels" -}}
{{- with .Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
{{ include "gopherpay.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: gopherpay
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The labels of a pod, which no new version of the chart may change by itself. */ -}}
{{- define "gopherpay.podLabels" -}}
{{- with .root.Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
{{ include "gopherpay.selector" .root }}
app.kubernetes.io/part-of: gopherpay
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "gopherpay.image" -}}
{{- $name := .Values.image.repository -}}
{{- if .Values.image.registry }}{{ $name = printf "%s/%s" .Values.image.registry $name }}{{ end -}}
{{- if .Values.image.digest -}}
{{ $name }}@{{ .Values.image.digest }}
{{- else -}}
{{ $name }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end }}

{{- /* Where clients reach the platform: with KubeRay a Service that it keeps. */ -}}
{{- define "gopherpay.service" -}}
{{- if eq .Values.mode "rayService" -}}
{{ include "gopherpay.fullname" . }}-serve-svc
{{- else -}}
{{ include "gopherpay.fullname" . }}
{{- end -}}
{{- end }}

{{- define "gopherpay.servingComponent" -}}
{{ ternary "worker" "platform" (eq .Values.mode "rayService") }}
{{- end }}

{{- define "gopherpay.keysSecret" -}}
{{ default (printf "%s-keys" (include "gopherpay.fullname" .)) .Values.keys.existingSecret }}
{{- end }}

{{- define "gopherpay.tokenSecret" -}}
{{ default (printf "%s-ray-token" (include "gopherpay.fullname" .)) .Values.ray.tokenSecret }}
{{- end }}

{{- /* The Secrets of the two logins: brought, or made by the operator. */ -}}
{{- define "gopherpay.appSecret" -}}
{{ .Values.postgres.existingSecret | default (printf "%s-postgres-app" (include "gopherpay.fullname" .)) }}
{{- end }}

{{- define "gopherpay.ownerSecret" -}}
{{ .Values.postgres.existingSecret | default (printf "%s-postgres-owner" (include "gopherpay.fullname" .)) }}
{{- end }}

{{- define "gopherpay.backupClaim" -}}
{{ .Values.backup.existingClaim | default (printf "%s-backup" (include "gopherpay.fullname" .)) }}
{{- end }}

{{- define "gopherpay.schemaRevision" -}}
{{ index .Chart.Annotations "gopherpay.dev/schema-revision" }}
{{- end }}
