"""``python -m bot [run | demo | …]``.

Without a command, the bot runs if ``DISCORD_TOKEN`` is set. Otherwise the demonstration runs, and then the bot serves
the page.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from contextlib import closing

from rich.console import Console

from bot.command_options import read_options, run_version
from bot.doctor.doctor import run_doctor, run_doctor_json
from bot.operator_files import persona_name
from bot.run import ENDING_LIMIT, FAILED, run_bot, run_talk
from bot.settings_check import checked_settings, setting_notices
from bot.watching.console import CallConsole
from bot.watching.event_writer import EventWriter
from bot.watching.log import log_to_stderr
from config.errors import SettingsError
from config.json_log import LogFormat, json_line
from config.lifetime import end_with_parent, ending_signals, until_ended
from config.log_lines import leave_out_log
from config.lookup_loop import run_loop
from config.patient_output import patient_output
from config.place import demo_command, how_to_set_token, how_to_talk_without_discord
from config.plain_parser import USAGE_ERROR
from config.privacy import keep_files_private
from config.settings import Settings
from config.start import share_one_memory_pool

READY = "Ready."
"""The line on standard output for which other programs wait."""


def run(given: list[str]) -> int:
    """Run one of the commands run, talk, demo, rehearse, doctor and version. Returns the exit status."""
    keep_files_private()
    share_one_memory_pool()
    options = read_options(given)
    if options.command == "version":
        return run_version(given)
    try:
        settings = checked_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201
        if options.json:
            print(json.dumps({"good": False, "error": str(error)}))  # noqa: T201
        return USAGE_ERROR
    command = options.command or ("run" if settings.discord_token else "demo")
    for option, given_here in (("--stay", options.stay), ("--once", options.once)):
        if given_here and command != "demo":
            print(f"{option} is for the demonstration. Type `{demo_command(option)}` to see it.", file=sys.stderr)  # noqa: T201
            return USAGE_ERROR
    if command != "doctor":
        for notice in setting_notices(settings):
            as_json = settings.log_format is LogFormat.JSON
            line = json_line("bot", logging.WARNING, notice) if as_json else f"⚠️ {notice}"
            print(line, file=sys.stderr)  # noqa: T201
    if command == "run" and settings.discord_token is None:
        remedy = (
            f"{how_to_set_token()}. To talk in the browser without Discord, {how_to_talk_without_discord()}. "
            f"To see the demonstration, type `{demo_command()}`."
        )
        print(f"DISCORD_TOKEN is not set. {remedy}", file=sys.stderr)  # noqa: T201
        return USAGE_ERROR
    try:
        if command == "rehearse" and not _may_rehearse(settings, options):
            return USAGE_ERROR
        return run_loop(_run(command, settings, options))
    except KeyboardInterrupt:
        return 130


def _may_rehearse(settings: Settings, options: argparse.Namespace) -> bool:
    """Whether the operator agrees to what a rehearsal costs. If a person uses the terminal, ask them.

    Call it before the event loop runs, because it waits for the person's answer.
    """
    from bot.rehearse.run import RehearsalOptions, may_begin

    return may_begin(settings, RehearsalOptions(options.report, options.seconds), yes=options.yes)


async def _run(command: str, settings: Settings, options: argparse.Namespace) -> int:
    match command:
        case "demo":
            # This is imported here, because it imports the sandbox, which only this command and `rehearse` need.
            from bot.demo.run import DemoOptions, run_demo

            shown = await run_demo(settings, DemoOptions(options.out, stay=options.stay), Console())
            return await _run_program("talk", settings, options) if _page_follows(options, shown) else shown
        case "rehearse":
            from bot.rehearse.run import RehearsalOptions, run_rehearsal

            return await run_rehearsal(settings, RehearsalOptions(options.report, options.seconds), Console())
        case "doctor":
            leave_out_log("bot")
            examination = run_doctor_json(settings) if options.json else run_doctor(settings, Console())
            with ending_signals(ENDING_LIMIT) as signals:
                status = await until_ended(examination, signals)
            return signals.status if status is None else status
        case _:
            return await _run_program(command, settings, options)


def _page_follows(options: argparse.Namespace, demo_status: int) -> bool:
    """Whether the bot serves the page after the demonstration.

    It does if the demonstration ran to its end, a person uses the terminal, and no command or option asks for the
    demonstration alone.

    Args:
        demo_status: the exit status of the demonstration. 0 and 1 say whether the guests understood the bot.
    """
    wants_page = options.command is None and not (options.once or options.stay)
    return wants_page and demo_status in (0, FAILED) and sys.stdin is not None and sys.stdin.isatty()


async def _run_program(command: str, settings: Settings, options: argparse.Namespace) -> int:
    """Run the command ``run`` or ``talk`` until a signal ends it."""
    with patient_output():
        return await _run_watched(command, settings, options)


async def _run_watched(command: str, settings: Settings, options: argparse.Namespace) -> int:
    if options.exit_with_parent is not None:
        end_with_parent(options.exit_with_parent or None)
    several_calls = settings.call.max_calls > 1
    if options.events:
        log_to_stderr(verbose=options.verbose, kind=settings.log_format, several_calls=several_calls)
        # Events are written to a separate, unbuffered file object. The writing thread may block, and while it does, it
        # must not hold the lock of `sys.stdout`.
        with (
            os.fdopen(sys.stdout.fileno(), "wb", buffering=0, closefd=False) as stream,
            closing(EventWriter(stream)) as writer,
        ):
            if command == "talk":
                status = await run_talk(settings, writer, lambda: None)
            else:
                status = await run_bot(settings, writer, (lambda: None) if options.warm_up else None)
            if status == 0:
                writer.end()
            return status
    view = CallConsole(Console(), persona_name(settings), several_calls=several_calls, prefix=settings.command_prefix)
    log_to_stderr(
        verbose=options.verbose, before_each=view.break_line, kind=settings.log_format, several_calls=several_calls
    )
    return await (run_talk if command == "talk" else run_bot)(settings, view, lambda: view.note(READY))
