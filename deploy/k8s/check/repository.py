"""What the manifests must agree with, read from the code and from what services describe."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[3]


def constant(name, below):
    """The value of a Rust constant that is defined once below a directory."""
    pattern = re.compile(rf"pub const {name}: i32 = (\d+);")
    found = {match for path in (ROOT / below).rglob("*.rs") for match in pattern.findall(path.read_text())}
    if len(found) != 1:
        raise SystemExit(f"the constant {name} is not to be found once below {below}: {found or 'nothing'}")
    return int(found.pop())


def topics(service):
    """The topics that a service reads, as it describes itself."""
    return set(json.loads((ROOT / "deploy" / "choreography" / f"{service}.json").read_text())["reads"])


PARTITIONS = constant("PARTITIONS", "deploy")
RANGES = constant("RANGES", "shared")
SERVICES = ("order", "inventory", "payment", "shipping")
