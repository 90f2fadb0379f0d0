"""What is made of the charts: READMEs, and what Helm renders from each file of values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import helm_python
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT: Final = Path(__file__).parents[2]
HEADS: Final[Mapping[str, str]] = {
    "gopherpay": "platform_chart_head.md",
    "gopherpay-operator": "operator_chart_head.md",
}
"""Charts whose README is made, and the file in this folder that it begins with."""

SNAPSHOTS: Final = "tests/unit/helm/snapshots"
RELEASE: Final = "demo"
NAMESPACE: Final = "prod"


def generated() -> dict[str, str]:
    """Return every generated file, by its path in the checkout."""
    return {
        **{f"helm/{chart}/README.md": readme(chart) for chart in HEADS},
        **{
            f"{SNAPSHOTS}/{chart}-{path.name.removesuffix('-values.yaml')}.yaml": rendered(
                chart, yaml.safe_load(path.read_text(encoding="utf-8"))
            )
            for chart in HEADS
            for path in sorted((ROOT / "helm" / chart / "ci").glob("*-values.yaml"))
        },
    }


def rendered(
    chart: str,
    values: Mapping[str, Any],
    name: str = RELEASE,
    namespace: str = NAMESPACE,
    revision: int = 1,
) -> str:
    """Return what Helm makes of *chart* with *values*, file by file.

    Args:
        chart: Its folder in ``helm``, or its package there.
        values: Laid over those of the chart.
        name: Of the release.
        namespace: Of the release.
        revision: Of the release; every one after the first is an upgrade.

    Raises:
        helm_python.HelmError: If Helm refuses the values, or a template fails.
    """
    with helm_python.Chart.load(ROOT / "helm" / chart) as loaded:
        loaded.validate_schema(dict(values))
        files = loaded.render(
            dict(values),
            name=name,
            namespace=namespace,
            revision=revision,
            is_install=revision == 1,
            is_upgrade=revision > 1,
        )
    filled = {
        path: text.strip().removeprefix("---").strip()
        for path, text in sorted(files.items())
        if path.endswith(".yaml")
    }
    return "".join(f"---\n# {path}\n{text}\n" for path, text in filled.items() if text)


def readme(chart: str) -> str:
    """Return the README of *chart*."""
    folder = ROOT / "helm" / chart
    head = Path(__file__).with_name(HEADS[chart]).read_text(encoding="utf-8")
    schema = json.loads((folder / "values.schema.json").read_text(encoding="utf-8"))
    values = yaml.safe_load((folder / "values.yaml").read_text(encoding="utf-8"))
    rows = [
        f"| `{path}` | `{json.dumps(default)}` | {said} |"
        for path, said, default in _rows(schema, values)
    ]
    table = ["| value | default | what it says |", "|---|---|---|", *rows]
    return "\n".join([head.rstrip(), "", *table]) + "\n"


def _rows(
    schema: Mapping[str, Any], values: Mapping[str, Any], begin: str = ""
) -> Iterator[tuple[str, str, object]]:
    """Yield path, description and default of every value that is described."""
    for name in sorted(values):
        part = schema["properties"][name]
        path = f"{begin}{name}"
        if "description" in part:
            yield path, part["description"], values[name]
        else:
            yield from _rows(part, values[name], f"{path}.")


def main() -> None:
    """Write the files, and remove what was rendered from values that are no more."""
    wanted = generated()
    for path in (ROOT / SNAPSHOTS).glob("*.yaml"):
        if str(path.relative_to(ROOT)) not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
