"""winnow run, web, worker, predictor, demo: the processes."""

import os
import signal
import threading
from types import FrameType

import click

from webapp import configuration, instance_lock, logs
from webapp import instance as instances
from webapp.cli.context import pass_instance
from webapp.configuration import Schedule
from webapp.instance import ENVIRONMENT, Instance
from webapp.serving import supervise

LOOPBACK = ("127.0.0.1", "localhost", "::1")
SECURE = "WINNOW_COOKIE_SECURE"
# Training takes what the pages leave: people wait for a page, and nobody waits at a round.
NICENESS = 10
# A program waits at the predictor: before training, behind people.
PREDICTOR_NICENESS = 5


def server_options(function: click.decorators.FC) -> click.decorators.FC:
    """Where and how wide the web server listens."""
    cores = os.cpu_count() or 1
    options = (
        click.option(
            "--threads", type=click.IntRange(1, 64), default=8, show_default=True, help="Per process."
        ),
        click.option(
            "--processes",
            type=click.IntRange(1, 32),
            default=min(4, cores),
            show_default="cores, at most 4",
            help="Web processes.",
        ),
        click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True),
        click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at."),
    )
    for option in options:
        function = option(function)
    return function


workers_option = click.option(
    "--workers", type=click.IntRange(1, 8), default=1, show_default=True, help="Worker processes."
)


@click.command("run")
@server_options
@workers_option
@pass_instance
def run_command(instance: Instance, host: str, port: int, processes: int, threads: int, workers: int) -> None:
    """Run the web server and the worker together. What dies is started again; SIGHUP renews, Ctrl-C ends both."""
    run(instance, host, port, processes, threads, workers)


@click.command("web")
@server_options
@pass_instance
def web_command(instance: Instance, host: str, port: int, processes: int, threads: int) -> None:
    """Run the web server alone."""
    check(instance)
    supervise.require_free(host, port)
    settle_cookies(instance, host)
    os.environ[ENVIRONMENT] = str(instance.folder)
    command = supervise.web_command(instance, host, port, processes, threads)
    os.execv(command[0], command)  # noqa: S606 - gunicorn takes this process's place and its signals


@click.command("worker")
@click.option("--as", "worker_id", hidden=True, help="Do the work in this very process, under that id.")
@pass_instance
def worker_command(instance: Instance, worker_id: str | None) -> None:
    """Run one worker alone: rounds, imports, encodings, exports. SIGTERM ends it in good order."""
    check(instance)
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # a log is no place for bars
    logs.set_up()
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    if worker_id is None:
        watch(instance, stop)
    else:
        os.nice(NICENESS)
        work(instance, stop, worker_id)


def watch(instance: Instance, stop: threading.Event) -> None:
    """Keep a process at work until `stop` is set, and end it when it hangs."""
    from webapp.worker.watchdog import Watchdog

    def command(worker_id: str) -> list[str]:
        return [*supervise.command(instance, "worker"), "--as", worker_id]

    Watchdog(instance.folder, command, configuration.read(instance)["WORK_LIMIT_MINUTES"] * 60).run(stop)


def work(instance: Instance, stop: threading.Event, worker_id: str) -> None:
    """Do the work until `stop` is set; backups beside it, since nobody should wait for a round to have one."""
    from webapp.worker import backups
    from webapp.worker.loop import run_forever

    schedule = Schedule.of(configuration.read(instance))
    keeper = threading.Thread(target=backups.keep, args=(instance, schedule, stop), name="backups")
    keeper.start()
    run_forever(instance.folder, stop, worker_id)
    stop.set()
    keeper.join()


@click.command("predictor")
@pass_instance
def predictor_command(instance: Instance) -> None:
    """Run the predictor alone: what answers for the model over the HTTP API. SIGTERM ends it."""
    check(instance)
    os.nice(PREDICTOR_NICENESS)
    # Half the cores: threads that wait for each other beside a round that trains on all of them take ten times as long.
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // 2)))
    logs.set_up()
    from webapp.serving.predictor import PredictorServer

    with PredictorServer(instance) as server:

        def end(number: int, frame: FrameType | None) -> None:
            # It waits for the loop that this signal interrupts.
            threading.Thread(target=server.shutdown).start()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        server.serve_forever()


@click.command("demo")
@server_options
@workers_option
@click.option(
    "--play",
    "players",
    type=click.IntRange(1, 20),
    metavar="N",
    help="Let N raters label it first.",
)
@pass_instance
def demo_command(
    instance: Instance, host: str, port: int, processes: int, threads: int, workers: int, players: int | None
) -> None:
    """Start with real, human-rated reviews, ready to label in the browser.

    Makes the instance and the demo project where they are missing, then does what `winnow run` does. With --play the
    votes that the reviews came with are given again, by N people through some rounds, to show a team at work.
    """
    from webapp.cli.demonstrating import prepare

    supervise.require_free(host, port)
    if instance.database.exists():
        check(instance)
    prepare(instance, players or 0)
    run(instance, host, port, processes, threads, workers)


def run(instance: Instance, host: str, port: int, processes: int, threads: int, workers: int) -> None:
    """Supervise web server and workers until a signal ends them."""
    logs.set_up()
    check(instance)
    settle_cookies(instance, host)
    supervisor = supervise.supervisor(instance, host, port, processes, threads, workers)
    shown = f"[{host}]" if ":" in host else host

    def ready() -> None:
        click.echo(f"\nWinnow is ready: http://{shown}:{port}\nCtrl-C ends it.")

    supervisor.run(ready)


def check(instance: Instance) -> None:
    """Refuse to start what could not work: no instance, a restore under way, a damaged database or one to migrate."""
    if instance.folder.is_dir():
        instance_lock.share(instance)  # until this process and its children end
    instances.check(instance)
    instances.open_instance(instance).close()
    instances.secret_key(instance)


def settle_cookies(instance: Instance, host: str) -> None:
    """Plain http on this machine's own address needs cookies without Secure; whoever set COOKIE_SECURE has decided."""
    config = configuration.read(instance, with_defaults=False)
    decided = "COOKIE_SECURE" in config or config.get("PROXY_COUNT")
    if host in LOOPBACK and not decided:
        os.environ[SECURE] = "false"
    elif host not in LOOPBACK and config.get("COOKIE_SECURE", True):
        click.echo("Logging in from other machines needs https: see docs/operation.md.", err=True)
