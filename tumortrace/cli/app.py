"""The command ``tumortrace app``: serve the pages, to this machine alone unless told otherwise."""

from __future__ import annotations

import os
import socket
import sys
from typing import Annotated, Final

import typer

from tumortrace import paths
from tumortrace.errors import ConfigError

HOST: Final = "127.0.0.1"
_OWN: Final = frozenset({HOST, "localhost", "::1"})
_TRIED: Final = 20


def run_app(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to serve on.")] = 8501,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 is every network of this machine.")] = HOST,
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
) -> None:
    """Serve the app; phantom slices are made first where no dataset is imported.

    Under a path, behind a proxy: see docs/serving.md.
    """
    import subprocess

    from tumortrace.data import datasets

    check_free(host, port)
    if host not in _OWN:
        typer.echo(warning(host, port), err=True)
    if not datasets.available():
        from tumortrace.data.phantom import make_phantom

        typer.echo("No dataset yet: making synthetic slices for the first look.", err=True)
        make_phantom()
    arguments = [
        str(paths.root() / "app.py"), f"--server.port={port}", f"--server.address={host}",
        f"--server.headless={str(headless).lower()}",
    ]  # fmt: skip
    command = [sys.executable, "-m", "streamlit", "run", *arguments]
    # From its folder: streamlit reads .streamlit/config.toml there.
    raise typer.Exit(subprocess.call(command, cwd=paths.root(), env=os.environ | paths.variables()))


def warning(host: str, port: int) -> str:
    """What it means to listen on more than this machine."""
    return (
        f"Listening on {host}, port {port}: there is no password. Whoever reaches it can look at every imported slice, "
        "and start, stop and delete runs for good. Leave out --host to serve this machine alone."
    )


def check_free(host: str, port: int) -> None:
    """Refuse a port that somebody listens on already.

    Raises:
        ConfigError: It is in use, or this machine has no such address.
    """
    problem = _problem(host, port)
    if problem is None:
        return
    if isinstance(problem, socket.gaierror) or not _used(problem):
        raise ConfigError(
            f"cannot listen there ({problem})", value=f"{host}:{port}", remedy="Give another --host or --port."
        )
    other = next((one for one in range(port + 1, min(port + _TRIED, 65536)) if _problem(host, one) is None), port + 1)
    raise ConfigError(
        "the port is in use, perhaps by a TumorTrace that runs already",
        value=port,
        remedy=f"Open http://localhost:{port}, or start with --port {other} (make app PORT={other}).",
    )


def _problem(host: str, port: int) -> OSError | None:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            # As the server itself does: a port that was given up a moment ago is free.
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
    except OSError as error:
        return error
    return None


def _used(error: OSError) -> bool:
    import errno

    return error.errno == errno.EADDRINUSE
