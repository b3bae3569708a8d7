"""``nbprocessor doctor``: what is missing for signing in."""

import sys

import click

from nbprocessor.cli.settings import load, server_address


@click.command(short_help="Look whether signing in is set up.", epilog="Example: nbprocessor doctor")
@click.pass_context
def doctor(context: click.Context) -> None:
    """Look whether the realm in Keycloak is as this server needs it, and say what is missing.

    Keycloak is asked with the settings the server would use.

    \b
    Exit codes: 0 nothing is missing, or sign-in is off · 1 something is
    """
    settings = load(context)
    auth = settings.auth
    if not auth.on:
        click.echo("Sign-in is off: there is no auth.keycloak (KC_HOSTNAME) in the settings.")
        return
    from nbprocessor.auth.doctor import examine
    from nbprocessor.auth.realm import Realm

    problems = examine(auth, Realm(auth), server_address(settings))
    for problem in problems:
        click.echo(f"- {problem}")
    if problems:
        sys.exit(1)
    click.echo(f"Signing in is set up: {auth.issuer_url}, client {auth.client_id}.")
