"""Tries the check itself: each of these changes to the rendered manifests must be refused, for the reason that is named."""

import copy
import os
import pathlib
import unittest

import yaml

import keda
import main

RENDERED = list(yaml.safe_load_all(pathlib.Path(os.environ["RENDERED"]).read_text()))
DEFINITIONS = keda.Definitions(pathlib.Path(os.environ["KEDA"]))

POD = "spec.template.spec."
MAIN = POD + "containers.0."
# Kind, name, field, value (None takes the field away), and a part of what is said.
CHANGES = [
    ("Deployment", "order", MAIN + "restartPolcy", "Always", "unexpected"),
    ("Deployment", "order", MAIN + "resources.limits", None, "no limits"),
    ("Deployment", "order", MAIN + "readinessProbe", None, "no readinessProbe"),
    ("Deployment", "order", MAIN + "livenessProbe.httpGet.port", "apu", "no livenessProbe"),
    ("Deployment", "order", MAIN + "securityContext.readOnlyRootFilesystem", False, "root file system"),
    ("Deployment", "order", MAIN + "image", "choreography", "whatever that is today"),
    ("Deployment", "order", MAIN + "lifecycle", None, "before the proxies"),
    ("Deployment", "order", POD + "securityContext.runAsNonRoot", None, "runAsNonRoot"),
    ("Deployment", "order", POD + "automountServiceAccountToken", True, "Kubernetes API"),
    ("Deployment", "order", POD + "terminationGracePeriodSeconds", 30, "killed while it drains"),
    ("Deployment", "order", POD + "volumes.0.secret.secretName", "payment", "mounts the secret payment"),
    ("Deployment", "order", POD + "serviceAccountName", "ordre", "no ServiceAccount"),
    ("Deployment", "order", "spec.replicas", 2, "sets replicas too"),
    ("Deployment", "order", "spec.strategy.rollingUpdate.maxUnavailable", 1, "before others are ready"),
    ("Job", "order-migrations", POD + "volumes.0.secret.secretName", "order", "mounts the secret order"),
    ("Job", "order-migrations", MAIN + "env.2.value", "/run/secrets/admin-token", "not in its secret"),
    ("Deployment", "payment", MAIN + "env.2.value", "/run/secrets/mail-token", "not in its secret"),
    ("Job", "provision-kafka", POD + "volumes.0.secret.secretName", "database-setup", "mounts the secret database-setup"),
    ("Job", "provision-databases", MAIN + "env.2.value", "6", "other pools"),
    ("Job", "provision-databases", MAIN + "env.4.value", "2", "other replicas"),
    ("Service", "order", "spec.selector", {"app.kubernetes.io/name": "order"}, "order-migrations"),
    ("ScaledObject", "order", "spec.maxReplicaCont", 5, "unexpected"),
    ("ScaledObject", "order", "spec.maxReplicaCount", 13, "its bounds"),
    ("Job", "provision-kafka", MAIN + "env.4.value", "6", "its bounds"),
    ("ScaledObject", "order", "spec.minReplicaCount", 1, "its bounds"),
    ("ScaledObject", "order", "spec.triggers.0.metadata.lagTreshold", "5", "knows no setting"),
    ("ScaledObject", "order", "spec.triggers.0.metadata.lagThreshold", 5, "is not of type"),
    ("ScaledObject", "order", "spec.triggers.0.metadata.topic", "order-events", "the service reads"),
    ("ScaledObject", "notification", "spec.triggers.0.metadata.topic", "order-events,payment-events", "the service reads"),
    ("NetworkPolicy", "providers", "spec.podSelector", {}, "order calls no provider"),
    ("NetworkPolicy", "providers", "spec.egress", [], "payment calls ['charge', 'refund'], and can't reach"),
    ("ScaledObject", "order", "spec.triggers.0.metadata.consumerGroup", "payment", "the group payment"),
    ("TriggerAuthentication", "order", "spec.secretTargetRef.0.parameter", "pasword", "takes no parameter"),
    ("NetworkPolicy", "default-deny", "spec.policyTypes", ["Ingress"], "denies by default"),
]


class Broken(unittest.TestCase):
    def test_what_is_rendered_is_well(self):
        self.assertEqual(main.problems(RENDERED, ["1.37"], DEFINITIONS), [])

    def test_each_change_is_refused(self):
        for kind, name, field, value, said in CHANGES:
            with self.subTest(f"{kind} {name} {field}"):
                found = "\n".join(main.problems(changed(kind, name, field, value), ["1.37"], DEFINITIONS))
                self.assertIn(said, found)

    def test_a_service_that_may_reach_another_is_seen(self):
        everybody = {"spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}}
        opened = RENDERED + [copy.deepcopy(document("NetworkPolicy", "names", RENDERED)) | everybody]
        self.assertIn("order can reach payment over the network", main.problems(opened, ["1.37"], DEFINITIONS))

    def test_a_kind_that_nobody_knows_is_refused(self):
        unknown = RENDERED + [{"apiVersion": "keda.sh/v9", "kind": "ScaledObject", "metadata": {"name": "x"}}]
        self.assertTrue(main.problems(unknown, ["1.37"], DEFINITIONS))


def document(kind, name, documents):
    return next(each for each in documents if (each["kind"], each["metadata"]["name"]) == (kind, name))


def changed(kind, name, field, value):
    documents = copy.deepcopy(RENDERED)
    at = document(kind, name, documents)
    *way, last = [int(part) if part.isdigit() else part for part in field.split(".")]
    for part in way:
        at = at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return documents


if __name__ == "__main__":
    unittest.main()
