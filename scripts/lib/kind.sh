# shellcheck shell=bash
# What the verbs kind-up, kind-load, kind-test and kind-down share; sourced by them after venv.sh.
#
# GOPHERPAY_KIND_CLUSTER names another cluster, GOPHERPAY_KIND_NAMESPACE another namespace in it.

cluster="${GOPHERPAY_KIND_CLUSTER:-gopherpay}"
namespace="${GOPHERPAY_KIND_NAMESPACE:-gopherpay}"

k() { kubectl --context "kind-$cluster" "$@"; }
kn() { k --namespace "$namespace" "$@"; }
h() { helm --kube-context "kind-$cluster" --namespace "$namespace" "$@"; }

need() {
  local program="$1" where="$2"
  command -v "$program" >/dev/null || die "$program is needed: $where"
}

need_programs() {
  need docker "https://docs.docker.com/engine/install/ says how to install it."
  need kind "https://kind.sigs.k8s.io/docs/user/quick-start/#installation says how to install it."
  need kubectl "https://kubernetes.io/docs/tasks/tools/#kubectl says how to install it."
  need helm "https://helm.sh/docs/intro/install/ says how to install it."
  docker info >/dev/null 2>&1 || die "Docker does not answer: start it, or join the group that may use it."
}

# Runs a step silently, says how long it took, and shows all that it said when it fails.
# Not as the condition of an "if": there bash would go on after a command that failed.
step() {
  local name="$1" begin=$SECONDS output code
  shift
  say "  …     $name"
  set +e
  output="$(set -e; "$@" 2>&1)"
  code=$?
  set -e
  if ((code != 0)); then
    say "$output"
    say "  FAILS $name ($((SECONDS - begin)) s)"
    show_state
    exit 1
  fi
  say "  ok    $name ($((SECONDS - begin)) s)"
}

# What somebody needs to see who asks why something is not there.
show_state() {
  {
    kn get pods --output wide
    kn get rayservices,postgresconnections,kafkaconnections,novuconnections
    kn get postgresdatabases,postgresroles,eventtopics,novuworkflows
    kn get events --sort-by=.lastTimestamp | tail -n 30
    kn logs --selector app.kubernetes.io/component=migration --tail=20
  } >&2 2>/dev/null || true
}

cluster_is_there() { kind get clusters 2>/dev/null | grep --quiet --line-regexp "$cluster"; }

# The tag of an image is the digest of what goes into it, so that only a change of it rolls pods.
digest_of() {
  (cd "${root:?}" && find "$@" -type f -not -name '*.pyc' -print0 | sort --zero-terminated |
    xargs --null sha256sum | sha256sum | cut -c1-12)
}

platform_tag() {
  digest_of Dockerfile .dockerignore pyproject.toml requirements.lock requirements-build.lock \
    actors serve_app
}

operator_tag() {
  digest_of Dockerfile .dockerignore pyproject.toml requirements-operator.lock \
    requirements-build.lock operator/gopherpay_operator
}

platform_image() { printf 'gopherpay:%s' "$(platform_tag)"; }
redis_image() { printf 'gopherpay-redis:%s' "$(digest_of k8s/development/redis)"; }
operator_image() { printf 'gopherpay-operator:%s' "$(operator_tag)"; }

build_image() {
  local target="$1" image="$2"
  docker image inspect "$image" >/dev/null 2>&1 ||
    docker build --target "$target" --tag "$image" "${root:?}"
}

fetch_image() {
  docker image inspect "$1" >/dev/null 2>&1 || docker pull "$1"
}
