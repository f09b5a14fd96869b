"""KEDA's kinds, by the definitions that KEDA installs in a cluster.

The settings of a trigger are free text to those. Which of them the trigger reads stands in tags of its Go source only, so
they are taken from there."""

import re

import jsonschema
import yaml

TRIGGER = "apache-kafka"
TAG = re.compile(r'`keda:"name=(\w+),\s*order=([\w;]+)([^`]*)"`')


class Definitions:
    def __init__(self, directory):
        self.schemas = {}
        for path in directory.glob("keda.sh_*.yaml"):
            definition = yaml.safe_load(path.read_text())["spec"]
            for version in definition["versions"]:
                api = f"{definition['group']}/{version['name']}"
                schema = strict(version["schema"]["openAPIV3Schema"])
                self.schemas[api, definition["names"]["kind"]] = schema
        self.settings, self.parameters = trigger((directory / "apache_kafka_scaler.go").read_text())
        if not self.schemas or "consumerGroup" not in self.settings or "password" not in self.parameters:
            raise SystemExit(f"{directory} has not what is looked for; empty it and try again")

    def defines(self, document):
        return (document.get("apiVersion"), document.get("kind")) in self.schemas

    def problems(self, document):
        schema = self.schemas[document["apiVersion"], document["kind"]]
        for error in jsonschema.Draft202012Validator(schema).iter_errors(document):
            yield f"{'.'.join(str(part) for part in error.path)}: {error.message}"
        spec = document["spec"]
        for each in spec.get("triggers", []):
            if each.get("type") != TRIGGER:
                yield f"a trigger of type {each.get('type')}, which is not checked here"
            unknown = set(each.get("metadata", {})) - self.settings
            yield from (f"{TRIGGER} knows no setting {setting}" for setting in sorted(unknown))
        given = [each for source in ("secretTargetRef", "env") for each in spec.get(source, [])]
        for each in given:
            if each.get("parameter") not in self.parameters:
                yield f"{TRIGGER} takes no parameter {each.get('parameter')}"


def trigger(source):
    settings, parameters = set(), set()
    for setting, order, more in TAG.findall(source):
        if "triggerMetadata" in order:
            settings.add(setting)
            if "resolvedEnv" in order + more:
                settings.add(f"{setting}FromEnv")
        if "authParams" in order:
            parameters.add(setting)
    return settings, parameters


def strict(schema):
    """The same, with unknown fields refused, as `kubectl apply` does."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            made.setdefault("additionalProperties", False)
    return made
