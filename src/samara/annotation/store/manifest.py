"""The manifest of a store: the provenance of its rows, in enough detail to refuse rows made by anything else."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from samara._version import __version__
from samara.annotation.store.plan import PlanFacts
from samara.annotation.store.rows import SCHEMA_VERSION
from samara.errors import DatasetError, SettingsError
from samara.system.files import write_durably

# Libraries whose version can change masks by a pixel.
RECORDED_LIBRARIES = ("torch", "numpy", "pillow", "opencv-python-headless", "pyarrow")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The description of a store.

    Attributes:
        job: what the rows depend on: checkpoint (name, SHA-256 of the file, fingerprint of the network, licence of the
            weights), precision, input size, settings, prompts, source. Another run may add rows only if its job is
            equal.
        plan: the list of images.
        schema_version: version of the tables.
        samara: samara version that created the store.
        versions: versions of Python and the libraries.
        created: creation time in UTC, ISO 8601.
    """

    job: Mapping[str, Any]
    plan: PlanFacts
    schema_version: int = SCHEMA_VERSION
    samara: str = __version__
    versions: Mapping[str, str]
    created: str

    def save(self, path: Path) -> None:
        """Write the manifest.

        Raises:
            OutputError: the file cannot be written.
        """
        write_durably(path, json.dumps(asdict(self), indent=2, allow_nan=False).encode())

    @property
    def checkpoint(self) -> str:
        """Name of the checkpoint that makes the masks."""
        return str(self.job["checkpoint"]["name"])


def new_manifest(job: Mapping[str, Any], plan: PlanFacts) -> Manifest:
    """Build a manifest with the current time and versions."""
    # Through JSON, so that a later comparison sees the same types.
    return Manifest(
        job=json.loads(json.dumps(job)),
        plan=plan,
        versions={"python": platform.python_version()} | {name: metadata.version(name) for name in RECORDED_LIBRARIES},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def read_manifest(path: Path) -> Manifest:
    """Read what `Manifest.save` wrote.

    Raises:
        DatasetError: it is missing or damaged, or has an unknown schema.
    """
    try:
        facts = json.loads(path.read_bytes())
        manifest = Manifest(**facts | {"plan": PlanFacts(**facts["plan"])})
    except FileNotFoundError as error:
        raise DatasetError(f"{path.parent} is not an annotation store: it has no {path.name}") from error
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatasetError(f"{path} is damaged, or not the manifest of an annotation store ({error!r:.80})") from error
    if manifest.schema_version != SCHEMA_VERSION:
        raise DatasetError(
            f"{path.parent} has tables of schema {manifest.schema_version}, written by samara {manifest.samara}; "
            f"this version, {__version__}, supports schema {SCHEMA_VERSION}"
        )
    return manifest


def images_moved(stored: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Return whether a run uses another image folder of a COCO file than earlier runs.

    Rows depend on the names, the prompts and the images themselves, not on their location, so a wrong folder can be
    corrected.
    """
    was, now = stored.get("source", {}), asked.get("source", {})
    return bool(was.get("kind") == now.get("kind") == "coco" and was.get("root") != now.get("root"))


def require_same_job(stored: Mapping[str, Any], asked: Mapping[str, Any], folder: Path) -> None:
    """Refuse to mix rows of two jobs in one store.

    Raises:
        SettingsError: the jobs differ; the message lists the differences.
    """
    asked = json.loads(json.dumps(asked))
    if images_moved(stored, asked):
        asked["source"]["root"] = stored["source"]["root"]
    differences = [
        f"{name} was {_shown(was)} and is now {_shown(now)}" for name, was, now in _differences(stored, asked)
    ]
    if differences:
        more = f", and {len(differences) - 3} more" if len(differences) > 3 else ""
        raise SettingsError(
            f"{folder} cannot be resumed with other settings: {', '.join(differences[:3])}{more}; use the original "
            "settings, another folder, or `overwrite=True`"
        )


def _differences(was: Any, now: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:  # Any: JSON
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from _differences(was.get(key), now.get(key), f"{name} {key}" if name else key)
    elif was != now:
        yield name, was, now


def _shown(value: Any) -> str:  # Any: JSON
    text = "not set" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:16]}…"
