"""Command-line arguments of ``python -m bot models``."""

from __future__ import annotations

import argparse
from pathlib import Path

from bot.command_options import CommandParser
from bot.models.catalogue import CATALOGUE_FILE
from bot.models.packages import REQUIREMENTS_FILE
from config.plain_parser import refuse
from config.settings import Profile
from config.spelling import nearest

ACTIONS = ("list", "download", "fetch", "check", "repair")


def read_arguments(arguments: list[str]) -> argparse.Namespace:
    """Read the command line. Exits with a message if it is not valid."""
    parser = _parser()
    options = parser.read(arguments)
    if options.action not in ACTIONS:
        near = nearest(options.action, ACTIONS)
        meant = f"Did you mean {near}?" if near else f"There are: {', '.join(ACTIONS)}."
        refuse(parser.prog, f"there is no command {options.action!r}. {meant}")
    return options


def _profile(typed: str) -> Profile:
    try:
        return Profile(typed)
    except ValueError:
        near = nearest(typed, Profile)
        meant = f"Did you mean {near}?" if near else f"There are: {', '.join(Profile)}."
        raise argparse.ArgumentTypeError(f"there is no profile {typed!r}. {meant}") from None


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="python -m bot models",
        description="Lists, downloads and checks the model weights that Seiyuu can use.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        default="list",
        metavar="{" + ",".join(ACTIONS) + "}",
        help="list (the default): sizes, licences, memory, and where everything is stored. "
        "download: get what is missing, after asking. fetch: get the weights that a start would use, without asking. "
        "check: verify all files, without a network. repair: get what is broken or missing.",
    )
    parser.add_argument("names", nargs="*", help="names of models; without names: those that your settings need")
    parser.add_argument(
        "--profile", type=_profile, metavar="{" + ",".join(Profile) + "}", help="the models that this profile needs"
    )
    parser.add_argument("--yes", action="store_true", help="download: do not ask for confirmation")
    parser.add_argument(
        "--accept-licence",
        action="append",
        default=[],
        metavar="LICENCE",
        help="download: agree to this licence's terms",
    )
    parser.add_argument("--json", action="store_true", help="list, check: print JSON, with the files' checksums")
    parser.add_argument("--check", action="store_true", help="the same as check")
    parser.add_argument(
        "--catalogue", type=Path, default=CATALOGUE_FILE, help="a list of your own in place of config/models.yaml"
    )
    parser.add_argument(
        "--requirements", type=Path, default=REQUIREMENTS_FILE, help="the packages of that list, pinned with hashes"
    )
    return parser
