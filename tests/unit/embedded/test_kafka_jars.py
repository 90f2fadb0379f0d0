import hashlib
import threading

import pytest

from serve_app.embedded.kafka_jars import (
    DIGESTS,
    JarsMissing,
    ProgramMissing,
    cache_folder,
    find_java,
    kafka_jars,
)

COUNTING_MAVEN = """#!/bin/sh
echo ran >>"$(dirname "$0")/runs"
for argument in "$@"; do
  case "$argument" in -DoutputDirectory=*) out="${argument#*=}" ;; esac
done
mkdir -p "$out"
printf '%s' content >"$out/one.jar"
"""
FAILING_MAVEN = """#!/bin/sh
echo ran >>"$(dirname "$0")/runs"
echo "[ERROR] Could not resolve the artifact."
exit 1
"""


@pytest.fixture
def machine(tmp_path):
    """Return a way to put programs on a machine, and the variables of its shell."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def put(name, text):
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)

    put.environment = {"PATH": f"{programs}:/usr/bin:/bin"}
    put.runs = lambda: len((programs / "runs").read_text().splitlines())
    return put


@pytest.fixture
def one_jar(tmp_path):
    """Return the list of a single jar, which the counting Maven brings."""
    listed = tmp_path / "digests"
    listed.write_text(f"{hashlib.sha256(b'content').hexdigest()}  one.jar\n")
    return listed


def a_java(version):
    return f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n"


def quiet(_):
    pass


@pytest.mark.parametrize("version", ["17.0.15", "21", "25.0.1-ea"])
def test_a_java_that_is_new_enough_is_taken(machine, version):
    machine("java", a_java(version))

    assert find_java(machine.environment).endswith("/bin/java")


@pytest.mark.parametrize(("version", "number"), [("1.8.0_452", 8), ("11.0.2", 11), ("16.0.2", 16)])
def test_an_older_java_is_named_with_what_to_install(machine, version, number):
    machine("java", a_java(version))

    with pytest.raises(ProgramMissing, match=f"is version {number}.*default-jre-headless"):
        find_java(machine.environment)


def test_no_java_at_all_is_said_so(tmp_path):
    with pytest.raises(ProgramMissing, match="none was found"):
        find_java({"PATH": str(tmp_path)})


def test_the_java_of_java_home_comes_first(machine, tmp_path):
    machine("java", a_java("11.0.2"))
    newer = tmp_path / "home" / "bin" / "java"
    newer.parent.mkdir(parents=True)
    newer.write_text(a_java("21"))
    newer.chmod(0o755)

    found = find_java(machine.environment | {"JAVA_HOME": str(tmp_path / "home")})

    assert found == str(newer)


def test_no_maven_is_said_so_with_what_to_install(tmp_path):
    with pytest.raises(ProgramMissing, match="apt-get install maven"):
        kafka_jars(quiet, environment={"PATH": str(tmp_path)}, folder=tmp_path / "jars")


def test_what_was_fetched_needs_no_maven_any_more(tmp_path):
    folder = tmp_path / "jars"
    folder.mkdir()

    assert kafka_jars(quiet, environment={"PATH": ""}, folder=folder) == folder


def test_of_several_at_once_one_fetches_and_the_others_wait(machine, tmp_path, one_jar):
    machine("mvn", COUNTING_MAVEN)
    folder, found = tmp_path / "cache" / "jars", []

    def ask():
        found.append(
            kafka_jars(quiet, environment=machine.environment, folder=folder, digests=one_jar)
        )

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [folder] * 6
    assert machine.runs() == 1
    assert [each.name for each in folder.iterdir()] == ["one.jar"]
    assert not folder.with_name("jars.making").exists()


def test_jars_that_are_not_the_known_ones_are_named_and_never_used(machine, tmp_path):
    machine("mvn", COUNTING_MAVEN)
    folder = tmp_path / "jars"

    with pytest.raises(JarsMissing, match=r"one\.jar"):
        kafka_jars(quiet, environment=machine.environment, folder=folder)

    assert not folder.exists()


def test_a_failure_of_maven_is_tried_again_and_then_told(machine, tmp_path):
    machine("mvn", FAILING_MAVEN)

    with pytest.raises(JarsMissing, match="Could not resolve the artifact"):
        kafka_jars(quiet, environment=machine.environment, folder=tmp_path / "jars")

    assert machine.runs() == 3


def test_checkouts_share_a_cache_that_is_named_for_its_very_content(tmp_path):
    cache = cache_folder({"XDG_CACHE_HOME": str(tmp_path)})

    assert cache.parent == tmp_path / "gopherpay"
    assert cache.name.endswith(hashlib.sha256(DIGESTS.read_bytes()).hexdigest()[:8])
