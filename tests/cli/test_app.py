"""Where the app listens, and what is said when it cannot."""

from __future__ import annotations

import socket
import subprocess

import pytest
from typer.testing import CliRunner

from tests.processes import free_port
from tumortrace.cli import app as cli_app
from tumortrace.cli.main import app
from tumortrace.errors import ConfigError


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have been started."""
    found: list[list[str]] = []
    monkeypatch.setattr(subprocess, "call", lambda command, **_: found.append(command) or 0)
    monkeypatch.setattr("tumortrace.data.datasets.available", lambda: ["phantom"])
    return found


def test_the_app_listens_to_this_machine_alone_unless_told_otherwise(started: list[list[str]]) -> None:
    port = free_port()
    done = CliRunner().invoke(app, ["app", "--headless", "--port", str(port)])
    assert done.exit_code == 0
    assert "--server.address=127.0.0.1" in started[0]
    assert "password" not in done.output
    done = CliRunner().invoke(app, ["app", "--headless", "--port", str(port), "--host", "0.0.0.0"])
    assert "--server.address=0.0.0.0" in started[1]
    assert "no password" in done.output
    assert "delete runs" in done.output


def test_a_port_in_use_is_said_with_the_next_free_one(started: list[list[str]]) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = int(held.getsockname()[1])
        with pytest.raises(ConfigError, match=rf"in use.*localhost:{port}, or start with --port \d+.*make app PORT="):
            cli_app.check_free("127.0.0.1", port)
    cli_app.check_free("127.0.0.1", port)
    assert started == []


def test_an_address_that_is_not_here_is_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match=r"cannot listen there.*--host"):
        cli_app.check_free("203.0.113.7", free_port())
