"""`equipoise store`."""

from argparse import Namespace

from equipoise.cli.demo_database import demo_place, remove_demo
from equipoise.cli.output import say
from equipoise.runner.store import Store


def execute(arguments: Namespace) -> int:
    store = Store(arguments.store)
    if arguments.action == "where":
        say(str(store.place))
    elif arguments.action == "size":
        say(amount(store.size() + _demo_size(store)))
    else:
        freed = _demo_size(store)
        remove_demo(store)
        say(f"freed {amount(freed + store.clear())} in {store.place}")
    return 0


def _demo_size(store: Store) -> int:
    return sum(path.stat().st_size for path in demo_place(store).rglob("*") if path.is_file())


def amount(n_bytes: int) -> str:
    """Bytes as a reader wants them.

    >>> amount(0), amount(2_500_000)
    ('0 bytes', '2.5 MB')
    """
    if n_bytes < 1000:
        return f"{n_bytes} bytes"
    size, units = float(n_bytes), iter(("kB", "MB", "GB", "TB"))
    unit = ""
    while size >= 1000 and (following := next(units, None)) is not None:
        size, unit = size / 1000, following
    return f"{size:.1f} {unit}"
