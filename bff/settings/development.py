"""What a development start makes for itself, once, and production refuses."""

import base64
import os
import secrets
from pathlib import Path

from bff.settings.fields import KEY_BYTES

DEVELOPMENT_MARK = b"development:"  # how every secret that a development start makes begins
KEY_VARIABLES = (
    "CODE_KEYS",
    "PHONE_SEAL_KEYS",
    "PHONE_LOOKUP_KEYS",
    "TOKEN_KEYS",
    "GATE_KEYS",
    "ID_SEAL_KEYS",
    "ID_LOOKUP_KEYS",
    "TEXT_SEAL_KEYS",
    "STAFF_SEAL_KEYS",
    "AUDIT_KEYS",
    "OFFLINE_KEYS",
    "ACCOUNT_SEAL_KEYS",
    "STATEMENT_KEYS",
)


def development_secrets(data_dir: Path) -> dict[str, str]:
    """The secrets of one development folder, made at the first start; a ring that is new since then gets a file of its
    own. Their mark makes production refuse them."""
    made = _made_once(data_dir / "development-secrets.env", *KEY_VARIABLES)
    for name in KEY_VARIABLES:
        if name not in made:
            made |= _made_once(data_dir / f"development-secrets.{name}.env", name)
    return made


def _made_once(path: Path, *names: str) -> dict[str, str]:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        mine = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        mine.touch(mode=0o600)
        mine.write_text("".join(f"{name}=1:{_development_key()}\n" for name in names))
        try:
            os.link(mine, path)  # unlike renaming, this never replaces what another process made meanwhile
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    return read_env_file(path)


def read_env_file(path: Path) -> dict[str, str]:
    """KEY=VALUE lines; empty lines and those that begin with # say nothing."""
    lines = (line.strip() for line in path.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def _development_key() -> str:
    made = DEVELOPMENT_MARK + secrets.token_bytes(KEY_BYTES - len(DEVELOPMENT_MARK))
    return base64.b64encode(made).decode()
