"""Ray Serve's own scaling interface, by which the number of processes of a deployment changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import httpx

from serve_app.embedded.failures import StartFailure

APPLICATION: Final = "gopherpay"
TIMEOUT_SECONDS: Final = 30


class ScalingRefused(StartFailure):
    """The number of processes cannot be changed."""


@dataclass(frozen=True, slots=True)
class ServeApi:
    """One deployment behind the interface at *url*."""

    url: str
    token: str | None
    deployment: str

    def scale(self, count: int) -> None:
        """Ask for *count* processes.

        Raises:
            ScalingRefused: If Serve says no.
        """
        self._ask(
            "POST",
            f"/api/v1/applications/{APPLICATION}/deployments/{self.deployment}/scale",
            {"target_num_replicas": count},
        )

    def wanted(self) -> int:
        """Return how many processes there shall be.

        Raises:
            ScalingRefused: If Serve does not know the deployment.
        """
        return int(self._details()["target_num_replicas"])

    def running(self) -> int:
        """Return how many processes run.

        Raises:
            ScalingRefused: If Serve does not know the deployment.
        """
        replicas = self._details()["replicas"]
        return sum(replica["state"] == "RUNNING" for replica in replicas)

    def _details(self) -> dict[str, Any]:
        answer = self._ask("GET", "/api/serve/applications/").json()
        try:
            found: dict[str, Any] = answer["applications"][APPLICATION]["deployments"][
                self.deployment
            ]
        except KeyError as error:
            raise ScalingRefused(f"Serve knows no deployment {self.deployment}.") from error
        return found

    def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> httpx.Response:
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        try:
            answer = httpx.request(
                method, f"{self.url}{path}", json=body, headers=headers, timeout=TIMEOUT_SECONDS
            )
        except httpx.HTTPError as error:
            raise ScalingRefused(f"Serve's scale API did not answer: {error}.") from error
        if answer.status_code != httpx.codes.OK:
            raise ScalingRefused(f"Serve refused to scale: {answer.text}.")
        return answer
