"""The cluster of the tests, by kubectl and helm as people have them."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOOK_SECONDS = 1.0
LONG_SECONDS = 420


class CommandFailed(Exception):
    """A program said no; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A namespace of a cluster, and what kubectl and helm do in it."""

    context: str
    namespace: str
    image: str
    newer_image: str

    def kubectl(self, *arguments, given=None, seconds=120):
        """Return what kubectl prints.

        Raises:
            CommandFailed: If it fails.
        """
        return run(self.kubectl_command(*arguments), given=given, seconds=seconds)

    def kubectl_command(self, *arguments):
        """Return the words of a command."""
        return ["kubectl", f"--context={self.context}", "-n", self.namespace, *arguments]

    def helm(self, *arguments, seconds=300):
        """Return what helm prints.

        Raises:
            CommandFailed: If it fails.
        """
        command = ["helm", f"--kube-context={self.context}", "-n", self.namespace]
        return run([*command, *arguments], seconds=seconds)

    def machines(self):
        """Return the names of all nodes."""
        return {node["metadata"]["name"] for node in self.get("nodes")["items"]}

    def get(self, what, *options):
        """Return one object, or a list of them, as its document."""
        return json.loads(self.kubectl("get", what, *options, "--output=json"))

    def pods(self, component):
        """Return the pods of a component that are not about to end.

        The pod that clears a Redis for KubeRay is made of the head's template, and is no head.
        """
        select = f"app.kubernetes.io/component={component},ray.io/node-type!=redis-cleanup"
        found = self.get("pods", f"--selector={select}")
        return [pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]

    def serving(self):
        """Return the names of the pods of a component in the cluster of Ray that serves."""
        return self.get("rayservice/gopherpay")["status"]["activeServiceStatus"]["rayClusterName"]

    def until(self, condition, wanted, seconds=LONG_SECONDS):
        """Wait until *condition* returns something true, and return that."""
        end = time.monotonic() + seconds
        while True:
            try:
                found, said = condition(), "not yet"
            except CommandFailed as error:
                found, said = None, str(error)
            if found:
                return found
            assert time.monotonic() < end, f"{wanted}: not within {seconds} s; {said}"
            time.sleep(LOOK_SECONDS)


def run(command, *, given=None, seconds=120):
    """Return what a program prints.

    Raises:
        CommandFailed: If it fails, or does not end in time.
    """
    try:
        ended = subprocess.run(
            command, input=given, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"{command[0]} did not end in {seconds} s") from error
    if ended.returncode != 0:
        raise CommandFailed(f"{' '.join(command[:8])} …: {ended.stderr.strip()[-2000:]}")
    return ended.stdout


def kill_processes(pod):
    """Send SIGKILL to every process of the containers of *pod*, from its node."""
    containers = [
        status["containerID"].rpartition("/")[2] for status in pod["status"]["containerStatuses"]
    ]
    pattern = "|".join(containers)
    script = f"""
        killed=0
        for process in $(grep -lE "{pattern}" /proc/[0-9]*/cgroup 2>/dev/null | cut -d/ -f3); do
            kill -9 "$process" 2>/dev/null && killed=$((killed + 1))
        done
        echo "$killed"
    """
    machine = pod["spec"]["nodeName"]
    return int(run(["docker", "exec", machine, "bash", "-c", script]))
