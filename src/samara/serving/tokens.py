"""The token of a server: random, and kept for the next start on the same store, so that open pages go on."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

import platformdirs

from samara.errors import OutputError
from samara.system.files import make_folder

_BYTES = 32


def kept_token(store: Path, folder: Path | None = None) -> str:
    """Return the token of a store, made at the first call.

    Args:
        store: folder of the store.
        folder: where tokens are kept, readable for their owner alone; None for the user's own place, or SAMARA_STATE.

    Raises:
        OutputError: it cannot be kept.
    """
    folder = make_folder(folder or _folder())
    path = folder / f"{hashlib.sha256(os.fsencode(store.resolve())).hexdigest()[:32]}.token"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}; give a `token`") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        token = secrets.token_urlsafe(_BYTES)
        file.write(token)
    return token


def _read(path: Path) -> str:
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise OutputError(f"{path} cannot be read ({error}); delete it, or give a `token`") from error
    if len(token) < _BYTES:
        raise OutputError(f"{path} is damaged; delete it, and start the server again")
    return token


def _folder() -> Path:
    home = os.environ.get("SAMARA_STATE", "").strip()
    return Path(home).expanduser() if home else platformdirs.user_state_path("samara") / "serve"
