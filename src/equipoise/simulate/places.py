"""Where the parts of a nation on disk lie: its views, and the truth beside each."""

from pathlib import Path

NETWORK = "network"
DUCKDB = ".duckdb"


def data_of_view(data: str | Path, view: str | None) -> str:
    """The database of a view: of a network the one inside or beside the data, where there is one; else the data.

    >>> data_of_view("postgres://server/nation", "network")
    'postgres://server/nation'
    """
    place = Path(data)
    inside = place.with_suffix(f".{NETWORK}{DUCKDB}") if place.suffix == DUCKDB else place / NETWORK
    return str(inside) if view == NETWORK and inside.exists() else str(data)


def truth_beside(*data: str | Path) -> list[Path]:
    """Folders with the truth of a nation beside the databases, each once; none where the data are no nation's."""
    found: list[Path] = []
    for place in map(Path, data):
        truth = place.with_suffix(".truth") if place.suffix == DUCKDB else place / "truth"
        nation_of_network = [place.parent / "truth"] if place.name == NETWORK else []
        found += [each for each in (truth, *nation_of_network) if (each / "nation.json").is_file()]
    return list(dict.fromkeys(found))
