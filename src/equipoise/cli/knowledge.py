"""`equipoise knowledge`: what Equipoise knows of drugs and diseases, with citations."""

import csv
import io
from argparse import Namespace

from equipoise.cli.output import say, table
from equipoise.errors import Fault, SpecError
from equipoise.knowledge.listing import TOPICS, Listing, charlson_listing, knowledge_file, rem_sleep_listing
from equipoise.spec.read import file_content


def execute(arguments: Namespace) -> int:
    topic = arguments.topic
    if topic != "rem-sleep" and (arguments.set or arguments.file):
        given = "--set" if arguments.set else "--file"
        found = f"with {topic}" if topic else "without a topic"
        raise SpecError(Fault(given, found, f"equipoise knowledge rem-sleep {given} …"))
    if topic is None:
        say(table(("topic", "what it holds"), TOPICS.items()))
        say("\nequipoise knowledge TOPIC prints one of them.")
        return 0
    listing = (
        rem_sleep_listing(arguments.set or "default", arguments.file) if topic == "rem-sleep" else charlson_listing()
    )
    if arguments.format == "toml":
        say((file_content(arguments.file, "facts") if arguments.file else knowledge_file(topic)).rstrip("\n"))
    elif arguments.format == "csv":
        say(_csv(listing))
    else:
        say(_page(listing))
    return 0


def _csv(listing: Listing) -> str:
    """Every column as it is, citations written out."""
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    cites = listing.columns.index("sources") if "sources" in listing.columns else None
    write((*listing.columns, *(("citations",) if cites is not None else ())))
    for row in listing.rows:
        write((*row, *(("; ".join(listing.sources[key] for key in row[cites].split()),) if cites is not None else ())))
    return out.getvalue().rstrip("\n")


def _page(listing: Listing) -> str:
    """A table for the eye: the last column stands below it, where it would be too wide beside the others."""
    notes = listing.columns[-1] == "note"
    columns = listing.columns[:-1] if notes else listing.columns
    parts = [listing.says, "", table(columns, (row[: len(columns)] for row in listing.rows))]
    if notes:
        said: dict[str, list[str]] = {}
        for row in listing.rows:
            if row[-1]:
                said.setdefault(row[-1], []).append(row[1])
        parts += ["", "what was found", *(f"  {', '.join(names)}: {note}" for note, names in said.items())]
    parts += ["", "sources", *(f"  {key:<14}{text}" for key, text in listing.sources.items())]
    return "\n".join(parts)
