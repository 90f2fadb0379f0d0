{{- define "operator.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "operator.name" .) .Release.Name -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name (include "operator.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- /* Objects of the whole cluster carry the namespace, so that two releases do not meet. */ -}}
{{- define "operator.clusterWideName" -}}
{{ printf "%s-%s" .Release.Namespace (include "operator.fullname" .) }}
{{- end }}

{{- define "operator.selector" -}}
app.kubernetes.io/name: {{ include "operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "operator.labels" -}}
{{- $own := dict
      "app.kubernetes.io/name" (include "operator.name" .)
      "app.kubernetes.io/instance" .Release.Name
      "app.kubernetes.io/component" "operator"
      "app.kubernetes.io/version" .Chart.AppVersion
      "app.kubernetes.io/part-of" "gopherpay"
      "app.kubernetes.io/managed-by" .Release.Service
      "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version) -}}
{{ mergeOverwrite (deepCopy .Values.labels) $own | toYaml }}
{{- end }}

{{- define "operator.serviceAccount" -}}
{{ default (ternary (include "operator.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "operator.namespaces" -}}
{{ default (list .Release.Namespace) .Values.namespaces | sortAlpha | toJson }}
{{- end }}

{{- define "operator.clusterName" -}}
{{ required "clusterName is required: give this Kubernetes cluster a name that no other cluster with access to the same Kafka, Postgres or Novu has, such as --set clusterName=production-eu, and never change it" .Values.clusterName }}
{{- end }}

{{- define "operator.image" -}}
{{- $name := .Values.image.repository -}}
{{- if .Values.image.registry }}{{ $name = printf "%s/%s" .Values.image.registry $name }}{{ end -}}
{{- if .Values.image.digest -}}
{{ $name }}@{{ .Values.image.digest }}
{{- else -}}
{{ $name }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end }}
{{- end }}

{{- define "operator.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
{{- end }}

{{- define "operator.podSecurity" -}}
runAsNonRoot: true
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- /* What the operator may do where it looks after resources: exactly this, and never "*". */ -}}
{{- define "operator.rules" -}}
- apiGroups: [gopherpay.dev]
  resources:
    {{- include "operator.kinds" (dict "suffix" "") | nindent 4 }}
  verbs: [get, list, watch, patch]
- apiGroups: [gopherpay.dev]
  resources:
    {{- include "operator.kinds" (dict "suffix" "/status") | nindent 4 }}
  verbs: [patch]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create]
- apiGroups: [""]
  resources: [events]
  verbs: [create]
{{- range .Values.rbac.backups }}
- apiGroups: [{{ .apiGroup | quote }}]
  resources: [{{ .resource }}]
  verbs: [get]
{{- end }}
{{- end }}

{{- define "operator.kinds" -}}
{{- $kinds := list "databasemigrations" "eventtopics" "kafkaconnections" "novuconnections" "novuintegrations" "novulayouts" "novupromotions" "novutopics" "novuworkflows" "postgresconnections" "postgresdatabases" "postgresroles" -}}
{{- range $index, $kind := $kinds -}}
{{ if $index }}{{ "\n" }}{{ end }}- {{ $kind }}{{ $.suffix }}
{{- end }}
{{- end }}

{{- define "operator.isProtecting" -}}
{{- $policy := .Values.connectionProtection.enabled -}}
{{- if or (eq $policy "Always") (and (eq $policy "Auto") .Values.watchAllNamespaces) }}true{{ end }}
{{- end }}
