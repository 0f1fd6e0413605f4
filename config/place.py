"""Commands in messages for the operator, worded for the place where the program runs: a clone, or a container."""

from __future__ import annotations

import os

CONTAINER_VARIABLE = "SEIYUU_CONTAINER"
"""Environment variable that the images of the Dockerfile set to 1."""
_RUN = "docker compose run --rm bot"


def in_container() -> bool:
    """Whether this process runs in a container of one of this project's images."""
    return os.environ.get(CONTAINER_VARIABLE) == "1"


def bot_command(*arguments: str, python: str = ".venv/bin/python") -> str:
    """The command line for ``python -m bot``. In a container, it is for the machine on which the containers run.

    Args:
        python: how Python is called where there is no container.
    """
    return " ".join([f"{_RUN} python" if in_container() else python, "-m bot", *arguments])


def demo_command(*options: str) -> str:
    """The command line for the demonstration, if no token is set."""
    if in_container():
        return bot_command("demo", *options)
    return f'make run ARGS="{" ".join(["demo", *options])}"' if options else "make run"


def hub_command(repository: str) -> str:
    """The command line that downloads a repository of Hugging Face's hub."""
    return f"{_RUN} hf download {repository}" if in_container() else f".venv/bin/hf download {repository}"


def how_to_set_token() -> str:
    """Where to put the token of the Discord bot, as a sentence without its full stop."""
    return "Write it to secrets/discord_token" if in_container() else "Set it in .env"


def how_to_start() -> str:
    """How to start the bot with the settings in ``.env``, as a sentence."""
    if in_container():
        return "Type `docker compose up --detach`."
    return f"Type `make run`, which also fetches what is missing, or `{bot_command()}`."


def how_to_talk_without_discord() -> str:
    """How to talk with the bot in the browser, without Discord."""
    if in_container():
        return "add compose.page.yml to COMPOSE_FILE in .env, and type `docker compose up`"
    return f"type `{bot_command('talk')}`"


def how_to_install(packages: str, requirements: str) -> str:
    """How to get Python packages that not everybody needs.

    Args:
        packages: arguments of pip, without options.
        requirements: the requirements file of the image, to which the packages have to be added.
    """
    if in_container():
        return f"add {packages} to {requirements}, and type `docker compose build`"
    return f"type `.venv/bin/pip install {packages}`"


def how_to_install_requirements() -> str:
    """How to reinstall the packages that every part of the program needs."""
    return "type `docker compose build`" if in_container() else "type `.venv/bin/pip install -r requirements.txt`"


def how_to_install_knowledge() -> str:
    """How to get ChromaDB, which holds the vectors of knowledge."""
    return how_to_install("-r requirements-knowledge.txt", "requirements.txt")


def how_to_install_xtts() -> str:
    """How to get the packages of XTTS."""
    if in_container():
        return "add compose.nvidia.yml or compose.amd.yml to COMPOSE_FILE in .env, and type `docker compose build`"
    return "type `make xtts`"
