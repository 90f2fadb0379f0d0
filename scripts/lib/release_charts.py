"""Packages of the charts as they are released: what has none yet gets one, and none changes."""

from __future__ import annotations

import argparse
import gzip
import io
import re
import shutil
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import helm_python
import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HELM: Final = Path(__file__).parents[2] / "helm"
RELEASES: Final = "releases"
Version = tuple[int, int, int]


class Refused(Exception):
    """What would be released is wrong; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of the checkout, and the newest of its packages."""

    folder: Path
    version: Version
    newest: Version | None

    @property
    def name(self) -> str:
        """Its name, which is that of its folder."""
        return self.folder.name

    def package(self, version: Version) -> Path:
        """Return where the package of *version* is."""
        stem = f"{self.name}-{'.'.join(map(str, version))}"
        return self.folder.parent / RELEASES / f"{stem}.tgz"


def charts(helm: Path) -> list[Chart]:
    """Return the charts in the folder *helm*.

    Raises:
        Refused: If a version is not three numbers.
    """
    return [_chart(path.parent) for path in sorted(helm.glob("*/Chart.yaml"))]


def _chart(folder: Path) -> Chart:
    said = yaml.safe_load((folder / "Chart.yaml").read_text(encoding="utf-8"))["version"]
    version = _version(str(said))
    if version is None:
        raise Refused(f"version in helm/{folder.name}/Chart.yaml is {said}: say three numbers.")
    names = (
        path.name.removeprefix(f"{folder.name}-").removesuffix(".tgz")
        for path in (folder.parent / RELEASES).glob(f"{folder.name}-*.tgz")
    )
    released = [found for found in map(_version, names) if found is not None]
    return Chart(folder, version, max(released, default=None))


def _version(text: str) -> Version | None:
    found = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def refusal(chart: Chart) -> str | None:
    """Return why *chart* cannot stay as it is beside what was released, in a sentence."""
    if chart.newest is None or chart.version > chart.newest:
        return None
    newest = chart.package(chart.newest)
    wish = f"raise version in helm/{chart.name}/Chart.yaml."
    if chart.version < chart.newest:
        return f"helm/{chart.name} is older than {newest.name}, which is released: {wish}"
    if differing := differences(packaged(chart.folder), newest.read_bytes()):
        files = ", ".join(differing)
        return (
            f"helm/{chart.name} differs from {newest.name}, which is released, in {files}: {wish}"
        )
    return None


def differences(package: bytes, other: bytes) -> list[str]:
    """Return the files in which two packages differ, by their paths in the chart."""
    ours, theirs = _contents(package), _contents(other)
    return sorted(
        name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)
    )


def _contents(package: bytes) -> Mapping[str, object]:
    """Return the files of *package*; Chart.yaml is read, since Helm writes it in its own order."""
    files: dict[str, object] = {}
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for member in archive:
            name = member.name.partition("/")[2]
            data = _read(archive, member)
            files[name] = yaml.safe_load(data) if name == "Chart.yaml" else data
    return files


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return file.read() if file else b""


def packaged(folder: Path) -> bytes:
    """Return the package that Helm makes of the chart in *folder*, with no time in it.

    Raises:
        helm_python.HelmError: If it is no chart.
    """
    with tempfile.TemporaryDirectory() as place:
        made = Path(helm_python.package(folder, destination=place)).read_bytes()
    timeless = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(made)) as old,
        gzip.GzipFile(filename="", mode="wb", fileobj=timeless, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as new,
    ):
        for member in old:
            data = _read(old, member)
            entry = tarfile.TarInfo(member.name)
            entry.size = len(data)
            new.addfile(entry, io.BytesIO(data))
    return timeless.getvalue()


def release(chart: Chart) -> Path:
    """Write the package of *chart*, and beside it the values that Helm leaves out of one.

    These are those in ``ci``: the tests of an upgrade want them as they were. The package is moved
    to its place last, so that half a release is none.
    """
    package = chart.package(chart.version)
    beside = package.with_suffix("")
    shutil.rmtree(beside, ignore_errors=True)
    for values in sorted((chart.folder / "ci").glob("*-values.yaml")):
        beside.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(values, beside / values.name)
    package.parent.mkdir(parents=True, exist_ok=True)
    partial = package.with_suffix(".partial")
    partial.write_bytes(packaged(chart.folder))
    return partial.replace(package)


def wanting(helm: Path) -> list[Chart]:
    """Return the charts in the folder *helm* whose version has no package yet.

    Raises:
        Refused: If a chart is not what was released under its version; nothing is made then.
    """
    found = charts(helm)
    if refusals := [said for said in map(refusal, found) if said]:
        raise Refused("\n".join(refusals))
    return [chart for chart in found if chart.version != chart.newest]


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the packages that are wanting, or say which ones these are."""
    parser = argparse.ArgumentParser(prog="scripts/release-charts")
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--folder", type=Path, default=HELM)
    asked = parser.parse_args(arguments)
    try:
        found = wanting(asked.folder.resolve())
    except Refused as refused:
        sys.exit(str(refused))
    for chart in found:
        package = chart.package(chart.version) if asked.dry_run else release(chart)
        verb = "would make" if asked.dry_run else "made"
        print(verb, package.relative_to(chart.folder.parents[1]))
    if not found:
        print("Every chart is released as it is.")


if __name__ == "__main__":
    main()
