"""A chart is packaged once a version: the package never changes, and the chart has to say so."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile

import pytest

from tests.unit.helm.rendering import ROOT

PROGRAM = ROOT / "scripts" / "lib" / "release_charts.py"
CHART = "gopherpay-operator"
FIRST = "gopherpay-operator-0.1.0.tgz"


@pytest.fixture
def folder(tmp_path):
    """Return a folder with one chart, of version 0.1.0, of which nothing is released."""
    shutil.copytree(ROOT / "helm" / CHART, tmp_path / "helm" / CHART)
    raise_version(tmp_path / "helm", "0.1.0")
    return tmp_path / "helm"


def raise_version(folder, version):
    path = folder / CHART / "Chart.yaml"
    text = re.sub(
        r"^version: .*$", f"version: {version}", path.read_text("utf-8"), flags=re.MULTILINE
    )
    path.write_text(text, "utf-8")


def change_values(folder):
    path = folder / CHART / "values.yaml"
    path.write_text(path.read_text("utf-8") + "# another line\n", "utf-8")


def release(folder, *options):
    return subprocess.run(
        [sys.executable, PROGRAM, "--folder", folder, *options],
        capture_output=True,
        text=True,
        check=False,
    )


def released(folder):
    return sorted(path.name for path in folder.glob("releases/*.tgz"))


def test_a_version_without_a_package_gets_one(folder):
    told = release(folder)

    assert told.stdout == f"made helm/releases/{FIRST}\n"
    assert released(folder) == [FIRST]
    with tarfile.open(folder / "releases" / FIRST) as package:
        names = package.getnames()
    assert f"{CHART}/templates/deployment.yaml" in names
    assert not any(name.startswith(f"{CHART}/ci/") for name in names)


def test_values_that_helm_leaves_out_are_kept_beside_the_package(folder):
    release(folder)

    kept = {path.name: path.read_text() for path in folder.glob("releases/*/*.yaml")}
    assert kept
    assert kept == {path.name: path.read_text() for path in (folder / CHART / "ci").iterdir()}


def test_the_same_chart_makes_the_same_package(folder):
    release(folder)
    package = folder / "releases" / FIRST
    first = package.read_bytes()
    package.unlink()
    for path in folder.glob(f"{CHART}/**/*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    release(folder)

    assert package.read_bytes() == first


def test_a_dry_run_makes_nothing(folder):
    told = release(folder, "--dry-run")

    assert told.stdout == f"would make helm/releases/{FIRST}\n"
    assert not (folder / "releases").exists()


def test_a_chart_that_is_released_is_left_alone(folder):
    release(folder)
    package = folder / "releases" / FIRST
    before = package.stat().st_mtime_ns

    assert release(folder).stdout == "Every chart is released as it is.\n"
    assert package.stat().st_mtime_ns == before


def test_a_higher_version_is_released_beside_the_old_one(folder):
    release(folder)
    change_values(folder)
    raise_version(folder, "0.10.0")

    assert release(folder).returncode == 0
    assert released(folder) == [FIRST, "gopherpay-operator-0.10.0.tgz"]


def test_a_chart_that_differs_from_the_package_of_its_version_is_refused(folder):
    release(folder)
    change_values(folder)
    (folder / CHART / "templates" / "service.yaml").unlink()

    told = release(folder)

    assert told.returncode == 1
    assert told.stderr == (
        f"helm/{CHART} differs from {FIRST}, which is released, in templates/service.yaml,"
        f" values.yaml: raise version in helm/{CHART}/Chart.yaml.\n"
    )


def test_a_change_of_what_the_chart_says_of_itself_counts_and_its_layout_does_not(folder):
    release(folder)
    path = folder / CHART / "Chart.yaml"
    text = path.read_text("utf-8")

    path.write_text(f"# only a comment\n{text}", "utf-8")
    assert release(folder).returncode == 0

    path.write_text(
        re.sub(r"^appVersion: .*$", "appVersion: 9.9.9", text, flags=re.MULTILINE), "utf-8"
    )
    assert "in Chart.yaml: raise version" in release(folder).stderr


def test_a_chart_that_is_older_than_what_is_released_is_refused(folder):
    raise_version(folder, "0.10.0")
    release(folder)
    raise_version(folder, "0.9.0")

    told = release(folder)

    assert told.stderr.startswith(f"helm/{CHART} is older than {CHART}-0.10.0.tgz, which is")
    assert released(folder) == ["gopherpay-operator-0.10.0.tgz"]


def test_nothing_is_made_when_one_chart_is_refused(folder):
    release(folder)
    change_values(folder)
    shutil.copytree(ROOT / "helm" / "gopherpay-crds", folder / "gopherpay-crds")

    assert release(folder).returncode == 1
    assert released(folder) == [FIRST]


def test_a_version_that_is_not_three_numbers_is_refused(folder):
    raise_version(folder, "0.2.0-rc1")

    assert release(folder).stderr == (
        f"version in helm/{CHART}/Chart.yaml is 0.2.0-rc1: say three numbers.\n"
    )
