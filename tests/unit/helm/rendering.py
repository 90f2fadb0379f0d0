"""Helm in a process of its own: its engine is Go, whose threads and signals are none of pytest's.

Run as a program it reads ``[[operation, argument…], …]`` and writes one answer for each.
"""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
SECONDS_MAX = 120


def helm(*jobs):
    """Return the answers to *jobs*; a refusal is ``{"refused": sentence}``."""
    program = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert program.returncode == 0, program.stderr
    return json.loads(program.stdout)


def render(chart, values, namespace="prod"):
    """Return the objects that *chart* makes in a release of its own name."""
    [text] = helm(["rendered", chart, values, chart, namespace])
    assert isinstance(text, str), text
    return documents(text)


def documents(text):
    """Return the documents of a YAML stream that are not empty."""
    return [each for each in yaml.safe_load_all(text) if each]


def of_kind(objects, kind):
    """Return those of *objects* that are of *kind*."""
    return [each for each in objects if each["kind"] == kind]


def pod_templates(objects):
    """Return name and template of every Pod that *objects* make."""
    found = [(each["metadata"]["name"], each.get("spec", {}).get("template")) for each in objects]
    return [(name, template) for name, template in found if template]


def answers(jobs):
    # Only here: whoever imports this module does not want the engine.
    import helm_python  # noqa: PLC0415

    charts = runpy.run_path(str(ROOT / "scripts" / "lib" / "charts.py"))

    def lint(chart, values):
        return helm_python.lint(ROOT / "helm" / chart, values, namespace="prod")

    def change(kubeconfig, namespace, verb, chart, *values):
        """Install, upgrade or uninstall a release of the chart's own name."""
        with helm_python.Config(kubeconfig_path=kubeconfig, namespace=namespace) as config:
            path = [] if verb == "uninstall" else [ROOT / "helm" / chart]
            getattr(config, verb)(*path, chart, *values, timeout=SECONDS_MAX)

    def answer(operation, *arguments):
        try:
            return {**charts, "lint": lint, "change": change}[operation](*arguments)
        except helm_python.HelmError as error:
            return {"refused": str(error)}

    return [answer(*job) for job in jobs]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answers(json.loads(sys.stdin.read()))))
