"""A mail server on a free loopback port (aiosmtpd), which keeps what it takes and answers as a test wants."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from queue import Queue
from typing import Any

from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass
class MailServer:
    """A running server."""

    port: int = 0
    answers: list[str] = field(default_factory=list)
    """To the next messages, in this order; then 250."""
    tried: int = 0
    encrypted: list[bool] = field(default_factory=list)
    """Of each message, whether it came through TLS."""
    recipients: list[list[str]] = field(default_factory=list)
    taken: "Queue[EmailMessage]" = field(default_factory=Queue)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Take a message, or not."""
        self.tried += 1
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            self.encrypted.append(session.ssl is not None)
            self.recipients.append(envelope.rcpt_tos)
            self.taken.put(message_from_bytes(envelope.content, policy=default))
        return answer


class _Listening(Controller):
    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def mail_server(**settings: Any) -> Iterator[MailServer]:
    """Run a server; settings are aiosmtpd's."""
    known = MailServer()
    controller = _Listening(known, hostname="127.0.0.1", port=0, **settings)
    controller.start()
    known.port = controller.port
    try:
        yield known
    finally:
        controller.stop()


def certificate(folder: Path) -> Path:
    """Make a certificate of 127.0.0.1 that its own key has signed; return a file with both."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    written = serialization.Encoding.PEM
    private = key.private_bytes(written, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "certificate.pem"
    file.write_bytes(signed.public_bytes(written) + private)
    return file


def context(file: Path) -> ssl.SSLContext:
    """Return what a server with a certificate speaks TLS by."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(file)
    return made
