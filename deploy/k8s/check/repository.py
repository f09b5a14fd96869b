"""What the manifests must agree with, read from the code itself."""

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
    """The topics that a service reads."""
    source = (ROOT / "services" / service / "src" / "participant.rs").read_text()
    declared = re.search(r"const TOPICS: [^=]*= &\[([^\]]*)\]", source)
    return {name.lower().replace("_", "-") for name in re.findall(r"topic::(\w+)", declared[1])}


PARTITIONS = constant("PARTITIONS", "deploy")
RANGES = constant("RANGES", "shared")
SERVICES = ("order", "inventory", "payment", "shipping")
