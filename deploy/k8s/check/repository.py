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


def described():
    """What each service says of itself, by its name. Another team's, whose folder is elsewhere, is that team's to run."""
    files = sorted((ROOT / "deploy" / "choreography").glob("*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files if (ROOT / "services" / file.stem).is_dir()}


PARTITIONS = constant("PARTITIONS", "deploy")
RANGES = constant("RANGES", "shared")
SERVICES = described()
