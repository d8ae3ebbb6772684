import os
import signal
import sys
from pathlib import Path

import pytest

from harness.converge import Budget, eventually
from harness.model import ToolError
from harness.shell import (
    LocalShell,
    Outcome,
    PrefixShell,
    Running,
    ScriptedShell,
    log_tail,
    redact,
    start,
    tail,
)

LIST = ("ip", "link")


def test_an_exit_code_is_an_outcome() -> None:
    done = LocalShell().run([sys.executable, "-c", "print('x'); raise SystemExit(3)"])
    assert (done.exit_code, done.stdout) == (3, "x\n")
    with pytest.raises(ToolError, match=r"exited 3: x"):
        done.checked()


def test_an_absent_program_is_an_outcome() -> None:
    assert LocalShell().run(["no-such-program"]).exit_code == 127


def test_a_file_that_may_not_be_run_is_an_outcome(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    assert LocalShell().run([str(tmp_path / "data")]).exit_code == 126


def test_a_slow_program_is_an_outcome() -> None:
    wait = "import threading; threading.Event().wait()"
    assert LocalShell().run([sys.executable, "-c", wait], timeout=0.1).exit_code == 124


def test_a_slow_program_ends_with_all_that_it_started_and_what_it_said_is_kept(
    tmp_path: Path,
) -> None:
    fifo = tmp_path / "held"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    script = f"echo begun; echo 'token: 0123456789abcdef0123' >&2; (exec sleep 60 9> {fifo}) & wait"
    done = LocalShell().run(["sh", "-c", script], timeout=0.5)
    assert (done.exit_code, done.stdout) == (124, "begun\n")
    assert done.stderr == "token: «redacted»\ngave up after 0.5s"
    assert os.read(reader, 1) == b"", "nobody holds the other end any more"
    os.close(reader)


def test_who_left_the_group_does_not_keep_a_slow_program_alive() -> None:
    script = "echo begun; setsid sleep 5 & sleep 60"
    assert LocalShell().run(["sh", "-c", script], timeout=0.5).stdout == "begun\n"


def test_lines_end_in_one_way() -> None:
    assert LocalShell().run(["printf", r"a\r\nb\rc\n"]).stdout == "a\nb\nc\n"


def test_a_program_can_be_killed_by_another_thread() -> None:
    done = LocalShell(started=lambda running: running.kill()).run(["sleep", "60"])
    assert done.exit_code == -signal.SIGKILL


def test_an_interruption_leaves_no_program_behind() -> None:
    begun: list[Running] = []

    def interrupted(running: Running) -> None:
        begun.append(running)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalShell(started=interrupted).run(["sleep", "60"])
    assert [running.exit_code() for running in begun] == [-signal.SIGKILL]


#: Makes an orphan of its own, runs programs in threads, and collects whatever ends meanwhile.
REAPER = """
import ctypes, os, threading
from concurrent.futures import ThreadPoolExecutor
from harness import shell

ctypes.CDLL(None).prctl(36, 1)  # orphans come to this process, as to PID 1
run = shell.LocalShell().run
with ThreadPoolExecutor(8) as pool:
    jobs = [pool.submit(run, ["sh", "-c", f"sleep 0 & exit {n % 50}"]) for n in range(200)]
    while not all(job.done() for job in jobs):
        shell.reap()
assert [job.result().exit_code for job in jobs] == [n % 50 for n in range(200)]
shell.reap()
try:
    while os.waitpid(-1, 0):
        pass
except ChildProcessError:
    print("none left")
"""


def test_orphans_are_collected_and_no_exit_code_is_lost() -> None:
    assert LocalShell().run([sys.executable, "-c", REAPER]).checked() == "none left\n"


def test_stdin_environment_and_directory_arrive(tmp_path: Path) -> None:
    text = "import os, sys; print(sys.stdin.read(), os.environ['COLOUR'], os.getcwd())"
    shell = LocalShell(cwd=tmp_path)
    done = shell.run([sys.executable, "-c", text], stdin="in", env={"COLOUR": "red"})
    assert done.checked().split() == ["in", "red", str(tmp_path)]


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
        "Authorization: Bearer 0123456789",
        "token: 0123456789abcdef0123",
        "client-key-data: QUJD",
    ],
)
def test_secrets_are_redacted(secret: str) -> None:
    last = secret.split()[-2 if secret.startswith("-----") else -1]
    assert last.removesuffix("-----END") not in redact(f"before {secret} after")
    assert redact(f"before {secret} after").endswith(" after")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ('{"client-key-data": "QUJD", "x": 1}', '{"client-key-data": "«redacted»", "x": 1}'),
        ('{"client-certificate-data":"QUJD"}', '{"client-certificate-data":"«redacted»"}'),
        ('"token": "0123456789abcdef0123"', '"token": "«redacted»"'),
        (r"{\"token\":\"0123456789abcdef0123\"}", r"{\"token\":\"«redacted»\"}"),
        ("'token' : '0123456789abcdef0123'", "'token' : '«redacted»'"),
        ('token: "0123456789abcdef0123"', 'token: "«redacted»"'),
    ],
)
def test_secrets_in_quotes_are_redacted(text: str, left: str) -> None:
    assert redact(text) == left


@pytest.mark.parametrize(
    "text", ["token: expired", '"token": "expired"', "token:\n  expiresIn36: 1"]
)
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("d+/A=\nd2=\n-----END PRIVATE KEY-----\nafter", "«redacted»\nafter"),
        ("before\n-----BEGIN EC PRIVATE KEY-----\nd+/A=\nd2=", "before\n«redacted»"),
        ("a word: -----END PRIVATE KEY-----", "a word: -----END PRIVATE KEY-----"),
    ],
)
def test_a_part_of_a_key_is_a_secret_too(text: str, left: str) -> None:
    assert redact(text) == left


def test_a_key_whose_beginning_is_cut_off_is_still_a_secret(tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nfirst\nsecond\n-----END PRIVATE KEY-----"
    assert tail(f"before\n{key}\nafter\n", 3) == "before\n«redacted»\nafter"
    log = tmp_path / "log"
    log.write_text(f"{key}\nafter\n")
    assert log_tail(log, 2) == "«redacted»\nafter"


def test_the_end_of_what_a_failed_program_said_holds_no_part_of_a_key() -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "secret\n" * 400 + "-----END PRIVATE KEY-----"
    with pytest.raises(ToolError) as failed:
        Outcome(("keygen",), 1, f"{key}\nno room", "").checked()
    assert "no room" in str(failed.value)
    assert "secret" not in str(failed.value)


def test_a_prefix_leads_elsewhere() -> None:
    inner = ScriptedShell({("nsenter", *LIST): Outcome(LIST, 0, "lo", "")})
    assert PrefixShell(("nsenter",), inner).run(LIST).checked() == "lo"


def test_a_script_refuses_what_nobody_prepared() -> None:
    with pytest.raises(KeyError):
        ScriptedShell({}).run(LIST)


def test_a_program_that_goes_on_is_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = "import threading; print('up', flush=True); threading.Event().wait()"
    server = start("server", [sys.executable, "-c", text], output=log)
    eventually(lambda: log.read_text(), bool, what="server is up", budget=Budget(10, 0.01))
    assert server.exit_code() is None
    assert server.end() == -signal.SIGTERM
    assert server.exit_code() == -signal.SIGTERM


def test_a_program_that_will_not_end_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = (
        "import signal, threading; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('up', flush=True); threading.Event().wait()"
    )
    server = start("server", [sys.executable, "-c", text], output=log)
    eventually(lambda: log.read_text(), bool, what="server is up", budget=Budget(10, 0.01))
    assert server.end(grace=0.05) == -signal.SIGKILL


def test_starting_an_absent_program_says_so(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        start("ghost", ["no-such-program"], output=tmp_path / "log")
    assert caught.value.exit_code == 127
