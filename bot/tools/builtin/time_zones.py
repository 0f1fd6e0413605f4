"""Time zones by the names of places: IANA's names, cities, and countries with a single zone."""

from __future__ import annotations

import importlib.resources
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, timedelta, timezone, tzinfo
from types import MappingProxyType
from zoneinfo import ZoneInfo, available_timezones

MAX_NAME = 80
"""Maximum number of characters of a place's name."""
_CITIES: Mapping[str, str] = MappingProxyType(
    {
        "Africa/Cairo": "alexandria giza",
        "Africa/Johannesburg": "cape_town durban pretoria",
        "Africa/Lagos": "abuja",
        "America/Chicago": "dallas houston austin san_antonio new_orleans minneapolis memphis nashville",
        "America/Denver": "salt_lake_city albuquerque",
        "America/Los_Angeles": "san_francisco san_diego seattle las_vegas san_jose sacramento portland hollywood "
        "silicon_valley california pacific_time",
        "America/New_York": "washington washington_dc boston philadelphia miami atlanta orlando baltimore pittsburgh "
        "nyc new_york_city florida eastern_time",
        "America/Sao_Paulo": "rio_de_janeiro rio brasilia",
        "America/Toronto": "ottawa montreal quebec",
        "America/Vancouver": "victoria",
        "Asia/Dubai": "abu_dhabi",
        "Asia/Ho_Chi_Minh": "hanoi saigon",
        "Asia/Jerusalem": "tel_aviv haifa",
        "Asia/Karachi": "islamabad lahore",
        "Asia/Kolkata": "mumbai bombay delhi new_delhi bangalore bengaluru chennai hyderabad",
        "Asia/Riyadh": "mecca jeddah",
        "Asia/Shanghai": "beijing peking shenzhen guangzhou chengdu china",
        "Asia/Tokyo": "osaka kyoto yokohama nagoya sapporo akihabara",
        "Australia/Sydney": "canberra",
        "Europe/Athens": "thessaloniki",
        "Europe/Berlin": "munich hamburg cologne frankfurt stuttgart leipzig dresden germany",
        "Europe/Brussels": "antwerp ghent bruges",
        "Europe/Amsterdam": "rotterdam the_hague utrecht",
        "Europe/Istanbul": "ankara izmir",
        "Europe/Kyiv": "kiev odesa lviv",
        "Europe/London": "manchester edinburgh glasgow liverpool birmingham cardiff belfast england scotland wales "
        "great_britain united_kingdom uk",
        "Europe/Madrid": "barcelona seville valencia bilbao spain",
        "Europe/Moscow": "saint_petersburg st_petersburg",
        "Europe/Paris": "lyon marseille nice toulouse strasbourg",
        "Europe/Rome": "milan naples turin florence venice",
        "Europe/Vienna": "salzburg graz",
        "Europe/Warsaw": "krakow gdansk",
        "Europe/Zurich": "geneva bern basel",
        "Pacific/Auckland": "wellington new_zealand",
        "Pacific/Honolulu": "hawaii",
        "UTC": "utc gmt zulu greenwich_mean_time",
    }
)
"""Large places that IANA's names do not have, separated by spaces."""
_OFFSET = re.compile(r"(?:UTC|GMT)\s*([+-−–])\s*(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_MAX_OFFSET_HOURS = 14


def load_time_zones() -> Mapping[str, str]:
    """The name of the time zone of each place, by the place's plain name. Blocks on the disk."""
    zones = available_timezones()
    places: dict[str, str] = {}
    for country, own in _zones_by_country().items():
        if len(own) == 1:
            places[_plain(country)] = own[0]
    for zone in sorted(zones):
        # Of two zones with the same last part, such as America/Louisville and America/Kentucky/Louisville, the one with
        # fewer parts counts.
        name = _plain(zone.rpartition("/")[2])
        if name not in places or zone.count("/") < places[name].count("/"):
            places[name] = zone
    for zone, names in _CITIES.items():
        places |= dict.fromkeys(map(_plain, names.split()), zone)
    return places | {_plain(zone): zone for zone in zones}


def zone_of(place: str, time_zones: Mapping[str, str]) -> tzinfo | None:
    """The time zone of a place; ``None`` if the place is not known. Blocks on the disk.

    Args:
        place: a city, a country, a name of IANA's, or a distance from UTC such as "UTC+2".
        time_zones: made by :func:`load_time_zones`.
    """
    if len(place) > MAX_NAME:
        return None
    if (offset := _OFFSET.fullmatch(place.strip())) is not None:
        return _fixed_zone(offset)
    # "Paris, France" is looked for as a whole, and then by what stands before the comma.
    for name in (place, place.partition(",")[0]):
        zone = time_zones.get(_plain(name))
        if zone is not None:
            return ZoneInfo(zone)
    return None


def _fixed_zone(offset: re.Match[str]) -> tzinfo | None:
    hours, minutes = int(offset[2]), int(offset[3] or 0)
    if hours > _MAX_OFFSET_HOURS:
        return None
    distance = timedelta(hours=hours, minutes=minutes)
    return timezone(distance if offset[1] == "+" else -distance) if distance else UTC


def _zones_by_country() -> Mapping[str, list[str]]:
    folder = importlib.resources.files("tzdata.zoneinfo")
    countries = dict(_rows(folder.joinpath("iso3166.tab").read_text(encoding="utf-8")))
    zones: dict[str, list[str]] = defaultdict(list)
    for code, _, zone, *_ in _rows(folder.joinpath("zone.tab").read_text(encoding="utf-8")):
        zones[countries.get(code, code)].append(zone)
    return zones


def _rows(table: str) -> list[list[str]]:
    return [line.split("\t") for line in table.splitlines() if line and not line.startswith("#")]


def _plain(name: str) -> str:
    """A name without case, accents and punctuation."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum() or letter == "/")
