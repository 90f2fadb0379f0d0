{{- /* What every pod of this chart has in common: it is restricted, and its root is read-only. */ -}}

{{- define "gopherpay.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
serviceAccountName: {{ include "gopherpay.fullname" . }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "gopherpay.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "gopherpay.containerImage" -}}
image: {{ include "gopherpay.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end }}

{{- /* Secrets are files where a program wants files; all else that is written goes to /tmp. */ -}}
{{- define "gopherpay.caVolumes" -}}
{{- with .Values.postgres.caSecret }}
- name: postgres-ca
  secret: {secretName: {{ . }}}
{{- end }}
{{- end }}

{{- define "gopherpay.caMounts" -}}
{{- if .Values.postgres.caSecret }}
- {name: postgres-ca, mountPath: /etc/gopherpay/postgres, readOnly: true}
{{- end }}
{{- end }}

{{- define "gopherpay.platformVolumes" -}}
- name: tmp
  emptyDir: {sizeLimit: 4Gi}
- name: keys
  secret: {secretName: {{ include "gopherpay.keysSecret" . }}, defaultMode: 0440}
{{- with .Values.kafka.caSecret }}
- name: kafka-ca
  secret: {secretName: {{ . }}}
{{- end }}
{{- include "gopherpay.caVolumes" . }}
{{- end }}

{{- define "gopherpay.platformMounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: keys, mountPath: /etc/gopherpay/keys, readOnly: true}
{{- if .Values.kafka.caSecret }}
- {name: kafka-ca, mountPath: /etc/gopherpay/kafka, readOnly: true}
{{- end }}
{{- include "gopherpay.caMounts" . }}
{{- end }}

{{- /* Holds a new version back until its schema is there; it may look and change nothing. */ -}}
{{- define "gopherpay.awaitSchema" -}}
- name: await-schema
  {{- include "gopherpay.containerImage" . | nindent 2 }}
  command: [tini, --, gopherpay, await-schema, --seconds, {{ .Values.waitForSchemaSeconds | quote }}]
  env:
    {{- include "gopherpay.postgresVariables" (dict "root" . "owner" false) | fromJson | include "gopherpay.listed" | nindent 4 }}
  securityContext:
    {{- include "gopherpay.containerSecurity" . | nindent 4 }}
  resources:
    requests: {cpu: 20m, memory: 128Mi}
    limits: {memory: 512Mi}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- include "gopherpay.caMounts" . | nindent 4 }}
{{- end }}

{{- define "gopherpay.placement" -}}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "gopherpay.spread" -}}
{{- if .root.Values.topologySpread.enabled }}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ $key }}
    maxSkew: {{ $.root.Values.topologySpread.maxSkew }}
    whenUnsatisfiable: {{ ternary $.root.Values.topologySpread.whenUnsatisfiable "ScheduleAnyway" (eq $key "kubernetes.io/hostname") }}
    labelSelector:
      matchLabels:
        {{- include "gopherpay.selector" $.root | nindent 8 }}
        app.kubernetes.io/component: {{ $.component }}
  {{- end }}
{{- end }}
{{- end }}

{{- /* A pod that runs one verb on the database and ends; .verb is a list, .mounts and .volumes are YAML. */ -}}
{{- define "gopherpay.verbPod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "gopherpay.podLabels" (dict "root" $root "component" .component) | nindent 4 }}
spec:
  restartPolicy: Never
  {{- include "gopherpay.podSecurity" $root | nindent 2 }}
  containers:
    - name: {{ .component }}
      {{- include "gopherpay.containerImage" $root | nindent 6 }}
      command: {{ concat (list "tini" "--" "gopherpay") .verb | toJson }}
      env:
        {{- if .withDatabase }}
        {{- include "gopherpay.postgresVariables" (dict "root" $root "owner" true) | fromJson | include "gopherpay.listed" | nindent 8 }}
        {{- else }}
        - {name: GOPHERPAY_DATA_DIR, value: /tmp/data}
        {{- end }}
      securityContext:
        {{- include "gopherpay.containerSecurity" $root | nindent 8 }}
      resources:
        {{- toYaml .resources | nindent 8 }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        {{- with .mount }}
        - {{ toJson . }}
        {{- end }}
        {{- include "gopherpay.caMounts" $root | nindent 8 }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: {{ default "1Gi" .scratch }}}
    {{- with .claim }}
    - name: dumps
      persistentVolumeClaim: {claimName: {{ . }}}
    {{- end }}
    {{- include "gopherpay.caVolumes" $root | nindent 4 }}
{{- end }}
