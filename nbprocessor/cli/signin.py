"""``nbprocessor login``, ``logout``, ``whoami``, ``token``: signing in to a server from the command line."""

from typing import TYPE_CHECKING

import click

from nbprocessor.cli.settings import load, server_address

if TYPE_CHECKING:
    from nbprocessor.auth.keeping import Keeping

address = click.argument("url", required=False)


@click.command(short_help="Sign in to a server.", epilog="Example: nbprocessor login https://nbprocessor.example")
@address
@click.pass_context
def login(context: click.Context, url: str | None) -> None:
    """Sign in to the server at URL [that of the settings], by a browser on this or any other device.

    The sign-in is kept in the system's keyring (pip install "nbprocessor[keyring]") or in a file that only this user
    may read, and renewed as long as Keycloak lets it be.
    """
    from nbprocessor.auth import device

    server = _server(context, url)
    realm = device.realm_of(server)
    tokens = device.sign_in(realm, _tell)
    kept = {"issuer": realm.issuer, "client": realm.client_id, "tokens": tokens}
    keeping = _keeping()
    with keeping.alone():
        place = keeping.put(server, kept)
    click.echo(f"Signed in to {server} as {_name(tokens['access_token'])}; kept in {place}.", err=True)


@click.command(short_help="Sign out of a server.", epilog="Example: nbprocessor logout")
@address
@click.pass_context
def logout(context: click.Context, url: str | None) -> None:
    """Sign out of the server at URL [the one that is signed in to], here and at Keycloak."""
    from nbprocessor.auth import device

    server = _server(context, url)
    there = device.sign_out(_keeping(), server)
    click.echo(f"Signed out of {server}." if there else f"Nobody was signed in to {server}.", err=True)


@click.command(short_help="Tell who is signed in to a server.", epilog="Example: nbprocessor whoami")
@address
@click.pass_context
def whoami(context: click.Context, url: str | None) -> None:
    """Tell who is signed in to the server at URL [the one that is signed in to]."""
    from nbprocessor.auth import device

    server = _server(context, url)
    click.echo(f"{_name(device.access_token(_keeping(), server))} at {server}")


@click.command(
    short_help="Print a token for a server.",
    epilog="Example: nbprocessor token https://nbprocessor.example",
)
@address
@click.pass_context
def token(context: click.Context, url: str | None) -> None:
    """Print an access token for the server at URL [the one that is signed in to], for other programs.

    It is good for some minutes; whoever has it can do what you can. As in
    curl -H "Authorization: Bearer $(nbprocessor token)" https://nbprocessor.example/jobs
    """
    from nbprocessor.auth import device

    click.echo(device.access_token(_keeping(), _server(context, url)))


def _server(context: click.Context, url: str | None) -> str:
    """Return the server that is meant: the one named, the only one signed in to, or that of the settings."""
    settings = load(context)
    known = [] if url else _keeping().servers()
    return (url or (known[0] if len(known) == 1 else server_address(settings))).rstrip("/")


def _keeping() -> "Keeping":
    from platformdirs import user_config_path

    from nbprocessor.auth.keeping import Keeping, usable_keyring

    return Keeping(user_config_path("nbprocessor"), usable_keyring())


def _tell(page: str, code: str) -> None:
    click.echo(f"Open {page}\nand make sure that it shows the code {code}. Waiting ...", err=True)


def _name(access_token: str) -> str:
    """Return whom a token that came from Keycloak just now, or was kept, is for; nobody gets rights by it."""
    import json

    from joserfc import jws
    from joserfc.errors import JoseError

    try:
        claims = json.loads(jws.extract_compact(access_token.encode()).payload)
        name = str(claims.get("preferred_username") or claims["sub"])
        return "".join(sign for sign in name if sign.isprintable())
    except (JoseError, ValueError, KeyError, AttributeError):
        return "somebody"
