"""Validates rendered manifests: schemas first, then the rules that no schema knows."""

import argparse
import pathlib
import sys

import yaml

import keda
import rules
import schemas


def problems(documents, versions, definitions):
    """Everything that is wrong, as lines."""
    found = list(schemas.problems(documents, versions, definitions))
    return found or list(rules.problems(documents))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--keda", type=pathlib.Path, required=True, help="directory with KEDA's definitions")
    arguments.add_argument("--kubernetes", nargs="+", required=True, help="versions to validate against")
    arguments.add_argument("rendered", type=pathlib.Path, nargs="+")
    arguments = arguments.parse_args()
    definitions = keda.Definitions(arguments.keda)
    bad = 0
    for path in arguments.rendered:
        documents = list(yaml.safe_load_all(path.read_text()))
        found = problems(documents, arguments.kubernetes, definitions)
        print(f"{path.stem}: {len(documents)} documents, {len(found) or 'no'} problems")
        for problem in found:
            print(f"  {problem}")
        bad += len(found) + (not documents)
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
