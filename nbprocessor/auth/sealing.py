"""Sealed documents: encrypted and authenticated, for the places where others can read or change what is kept."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from nbprocessor.model import Json

_HOW = {"alg": "dir", "enc": "A256GCM"}


def key(secret: str, purpose: str) -> OctKey:
    """Derive a key for one purpose from a secret, so that nothing sealed for one opens for another."""
    return OctKey.import_key(hmac.new(secret.encode(), f"nbprocessor: {purpose}".encode(), hashlib.sha256).digest())


def sealed(document: Mapping[str, Json], with_key: OctKey) -> str:
    """Return a document as text that only the key opens."""
    return jwe.encrypt_compact(dict(_HOW), json.dumps(document).encode(), with_key)


def opened(text: str, with_key: OctKey) -> Mapping[str, Any] | None:
    """Return the document; None: the text was not sealed with this key."""
    try:
        document = json.loads(jwe.decrypt_compact(text, with_key, algorithms=list(_HOW.values())).plaintext or b"")
    except (JoseError, ValueError, TypeError):
        return None
    return document if isinstance(document, Mapping) else None
