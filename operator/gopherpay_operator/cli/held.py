"""``gopherpay-operator held``: what could not be deleted any more once the operator is gone."""

from __future__ import annotations

import typer

from gopherpay_operator.cli.run import CannotRun, Context, Kubeconfig, Namespaces
from gopherpay_operator.engine.ports import ClusterFailure

HELD = 1


def held(
    namespaces: Namespaces = None, kubeconfig: Kubeconfig = None, context: Context = None
) -> int:
    """List resources whose deletion waits for the operator.

    Ends with 1 when there are any, or when that cannot be told.

    Before it is uninstalled: delete them, or give them deletionPolicy Retain.
    """
    try:
        from gopherpay_operator.kubernetes import held as kubernetes  # noqa: PLC0415 - see run
    except ModuleNotFoundError as error:
        raise CannotRun(
            f"The part '{error.name}' is not installed: pip install 'gopherpay[operator]'."
        ) from None
    try:
        found = kubernetes.held_in(kubeconfig, context, namespaces or None)
    except (ClusterFailure, kubernetes.NoAccess) as failure:
        typer.echo(str(failure), err=True)
        return HELD
    for each in found:
        typer.echo(each)
    if found:
        typer.echo(
            "These wait for the operator when they are deleted. While it still runs, delete them, "
            "or give them deletionPolicy Retain.",
            err=True,
        )
    return HELD if found else 0
