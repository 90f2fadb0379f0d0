# shellcheck shell=bash
# Makes the virtual environment from the lock; sourced by the verbs in scripts/.
#
# Afterwards $root is the checkout and $venv the environment, which is in PATH.
# GOPHERPAY_VENV names another place for it, GOPHERPAY_PYTHON another interpreter.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
venv="${GOPHERPAY_VENV:-$root/.venv}"
lock="$root/requirements-dev.lock"

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# Prints the header of a verb, which is its help, when --help is among the arguments.
help_if_asked() {
  local verb="$1" argument
  shift
  for argument in "$@"; do
    if [[ "$argument" == --help || "$argument" == -h ]]; then
      sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$verb"
      exit 0
    fi
  done
}

fits() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
    2>/dev/null
}

find_python() {
  local candidate
  for candidate in "${GOPHERPAY_PYTHON:-}" python3 python3.13 python3.12 python3.11 python3.14; do
    if [[ -n "$candidate" ]] && command -v "$candidate" >/dev/null && fits "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  die "Python 3.11 to 3.14 with venv is needed (on Debian: apt-get install python3 python3-venv)."
}

# What the environment was made from: the lock, the project file, and the place itself.
fingerprint() {
  { cat "$lock" "$root/pyproject.toml" && printf '%s' "$root"; } | sha256sum | cut -d' ' -f1
}

# Prints the lines of one package in the lock, hashes included.
locked() {
  awk -v name="$1==" 'index($0, name) == 1 {p = 1; print; next} /^[^ ]/ {p = 0} p' "$lock"
}

# Fills the environment: by uv when it can be had, which is several times faster, else by pip.
install() {
  local only_uv="$venv/uv.lock"
  locked uv >"$only_uv"
  if "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --require-hashes --requirement "$only_uv" 2>/dev/null &&
    VIRTUAL_ENV="$venv" "$venv/bin/uv" pip install --require-hashes --requirement "$lock" &&
    VIRTUAL_ENV="$venv" "$venv/bin/uv" pip install --quiet --no-deps --no-build-isolation \
      --editable "$root"; then
    return
  fi
  say "Installing with pip, which takes longer …"
  "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off \
    --require-hashes --requirement "$lock"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
    --no-build-isolation --editable "$root"
}

make_venv() {
  local stamp="$venv/made-from" wanted python
  wanted="$(fingerprint)"
  if [[ ! -f "$stamp" || "$(<"$stamp")" != "$wanted" ]]; then
    SECONDS=0
    if ! fits "$venv/bin/python"; then
      python="$(find_python)"
      say "Making a virtual environment in $venv with $python …"
      "$python" -m venv --clear "$venv"
    fi
    say "Installing what the lock names; the first time this takes a minute …"
    install
    printf '%s' "$wanted" >"$stamp"
    say "Installed in $SECONDS s."
  fi
  PATH="$venv/bin:$PATH"
  export PATH
}

# Two verbs at once must not fill one environment together; the lock ends before the verb begins.
ensure_venv() {
  mkdir -p "$(dirname "$venv")"
  exec 9>"$venv.lock"
  flock 9
  make_venv 9>&-
  exec 9>&-
}
