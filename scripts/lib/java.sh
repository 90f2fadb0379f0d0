# shellcheck shell=bash
# Makes sure that the broker of scripts/kafka can start; sourced after venv.sh, whose say it uses.

java_packages=(default-jre-headless maven)

# Fetches the jars once. What is missing for that is installed where that is our business:
# as root on Debian, as in a container; elsewhere the complaint says what to install.
prepare_kafka() {
  local status=0
  python -m serve_app.embedded.kafka_jars || status=$?
  if [[ $status -eq 3 && $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
    say "Installing ${java_packages[*]} with apt-get …"
    install_java || die "apt-get could not install ${java_packages[*]}."
    status=0
    python -m serve_app.embedded.kafka_jars || status=$?
  fi
  [[ $status -eq 0 ]] || exit 1
}

install_java() {
  local apt=(apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 --quiet --quiet)
  mkdir -p /usr/share/man/man1 # small images lack it, and a package of Java stumbles over that
  { "${apt[@]}" update &&
    DEBIAN_FRONTEND=noninteractive "${apt[@]}" install --yes --no-install-recommends \
      "${java_packages[@]}"; } >&2
}
