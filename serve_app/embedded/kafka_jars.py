"""The Java programs that make up a broker: fetched once by Maven, then there for every checkout.

As a program (``python -m serve_app.embedded.kafka_jars``) it makes sure that all of it is there;
it ends with 3 when Java or Maven is missing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serve_app.embedded.failures import FolderUnusable, StartFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

HERE: Final = Path(__file__).parent
POM: Final = HERE / "kafka_pom.xml"
DIGESTS: Final = HERE / "kafka_jars.sha256"
KAFKA_VERSION: Final = "4.3.1"
JAVA_VERSION_MIN: Final = 17  # Kafka's documentation of 4.x, "Java Version"
FETCH_TRIES: Final = 3
FETCH_SECONDS_MAX: Final = 600
PROGRAM_MISSING: Final = 3


class ProgramMissing(StartFailure):
    """Java or Maven is not installed."""


class JarsMissing(StartFailure):
    """The jars could not be fetched, or are not those that we know."""


def find_java(environment: Mapping[str, str] = os.environ) -> str:
    """Return the path of a Java that can run Kafka: that of ``JAVA_HOME``, or of ``PATH``.

    Raises:
        ProgramMissing: If there is none, or it is too old.
    """
    found = []
    for java in _javas(environment):
        version = _java_version(java)
        if version >= JAVA_VERSION_MIN:
            return java
        found.append(f"{java} is version {version}")
    raise ProgramMissing(
        f"Kafka needs Java {JAVA_VERSION_MIN} or newer ({'; '.join(found) or 'none was found'}); "
        "install it (on Debian: apt-get install default-jre-headless) or set JAVA_HOME."
    )


def kafka_jars(
    report: Callable[[str], None],
    *,
    environment: Mapping[str, str] = os.environ,
    folder: Path | None = None,
    digests: Path = DIGESTS,
) -> Path:
    """Return the folder of the jars, after fetching them if that was never done.

    Several processes may ask at once: one fetches and the others wait for it.

    Raises:
        ProgramMissing: If they have to be fetched and there is no Maven.
        JarsMissing: If they cannot be fetched, or are not those that we know.
    """
    folder = folder or cache_folder(environment)
    if folder.is_dir():
        return folder
    with _locked(folder):
        if not folder.is_dir():
            maven = _find_maven(environment)
            report(f"fetching Kafka {KAFKA_VERSION} (about 70 MB, once)")
            _fetch(maven, folder, environment, digests)
    return folder


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that every checkout of this account shares, by the XDG rules.

    Its name tells the very set of jars, so that another set never mixes with it.
    """
    cache = environment.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    edition = hashlib.sha256(DIGESTS.read_bytes()).hexdigest()[:8]
    return Path(cache) / "gopherpay" / f"kafka-{KAFKA_VERSION}-{edition}"


def _javas(environment: Mapping[str, str]) -> Iterator[str]:
    if home := environment.get("JAVA_HOME"):
        yield str(Path(home) / "bin" / "java")
    if java := shutil.which("java", path=environment.get("PATH")):
        yield java


def _java_version(java: str) -> int:
    """Return the feature number of *java*, 0 when it does not run."""
    try:
        told = subprocess.run(
            [java, "-version"], check=False, capture_output=True, text=True, timeout=60
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    version = re.search(r'version "(?:1\.)?(\d+)', told)  # Java 8 calls itself 1.8
    return int(version[1]) if version else 0


def _find_maven(environment: Mapping[str, str]) -> str:
    maven = shutil.which("mvn", path=environment.get("PATH"))
    if maven is None:
        raise ProgramMissing(
            "Kafka is fetched by Maven, which was not found; "
            "install it (on Debian: apt-get install maven)."
        )
    return maven


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        folder.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = os.open(_beside(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FolderUnusable(folder.parent, error.strerror or str(error)) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _beside(folder: Path, purpose: str) -> Path:
    return folder.with_name(f"{folder.name}.{purpose}")


def _fetch(maven: str, folder: Path, environment: Mapping[str, str], digests: Path) -> None:
    """Fetch aside and rename, so that a half-filled folder is never used."""
    making = _beside(folder, "making")
    shutil.rmtree(making / "jars", ignore_errors=True)
    for attempt in range(1, FETCH_TRIES + 1):
        # What an earlier try brought stays in its repository, and the next one goes on from there.
        complaint = _run_maven(maven, making, environment)
        if complaint is None:
            break
        if attempt == FETCH_TRIES:
            raise JarsMissing(f"Maven could not fetch Kafka: {complaint}.")
    _check(making / "jars", digests)
    (making / "jars").rename(folder)
    shutil.rmtree(making)


def _run_maven(maven: str, making: Path, environment: Mapping[str, str]) -> str | None:
    """Return why Maven failed, if it did."""
    command = [maven, "-q", "-B", "--strict-checksums", "-f", str(POM)]
    command += ["dependency:copy-dependencies", "-DincludeScope=runtime"]
    command += [f"-DoutputDirectory={making / 'jars'}"]
    command += [f"-Dmaven.repo.local={making / 'repository'}"]
    # An answer that stops half-way must not be waited for for half an hour, the default.
    command += ["-Dmaven.wagon.rto=60000", "-Daether.connector.requestTimeout=60000"]
    try:
        finished = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            timeout=FETCH_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        return f"it was not done within {FETCH_SECONDS_MAX} s"
    return None if finished.returncode == 0 else _first_complaint(finished.stdout + finished.stderr)


def _first_complaint(told: str) -> str:
    lines = [line.split("]", 1)[-1].strip() for line in told.splitlines() if "ERROR" in line]
    return (lines or ["it did not say why"])[0].rstrip(".")


def _check(jars: Path, digests: Path) -> None:
    """Make sure that these are the very files that this version was made with.

    Raises:
        JarsMissing: If one is missing, strange or different.
    """
    listed = [line.split() for line in digests.read_text("ascii").splitlines()]
    known = {name: digest for digest, name in listed}
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars.iterdir()}
    strange = sorted({name for name, _ in known.items() ^ found.items()})
    if strange:
        raise JarsMissing(f"Maven fetched other files than those known: {', '.join(strange)}.")


def _main() -> int:
    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")

    try:
        find_java()
        kafka_jars(lambda text: say(f"{text[:1].upper()}{text[1:]} …"))
    except StartFailure as failure:
        say(str(failure))
        return PROGRAM_MISSING if isinstance(failure, ProgramMissing) else 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
