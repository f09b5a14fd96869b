"""What no schema knows: how the documents must fit the code, one another, and the least that a pod may do."""

import re

import network
import repository
import scaling

# Besides DRAIN_TIMEOUT a stopping service takes 3 s to be gone, whatever does not answer; the rest is air.
BESIDES_DRAINING = 10
USER = 10001
# What `provision secrets` puts into each reader's directory, by workload; first, into each service's.
SERVICES_KEYS = {"ca.pem", "kafka-password", "database-url", "admin-token", "jwks.json"}
KEYS = {
    ".*-migrations|sandbox": {"ca.pem", "database-url"},
    "provision-kafka": {"ca.pem", "kafka-password"},
    "provision-databases": {"ca.pem", "database-url"},
}


def problems(documents):
    workloads = {each["metadata"]["name"]: each for each in documents if each["kind"] in ("Deployment", "Job")}
    for name, workload in workloads.items():
        pod = workload["spec"]["template"]["spec"]
        found = [*least_privilege(pod), *own_secret(name, pod), *containers(workload["kind"], pod)]
        found += references(documents, workload, pod)
        found += secret_files(name, pod, documents)
        yield from (f"{workload['kind']} {name}: {problem}" for problem in found)
    yield from ends(documents, workloads)
    yield from selectors(documents, workloads)
    yield from connections(documents, workloads)
    yield from scaling.problems(documents, workloads)
    pods = {name: each["spec"]["template"]["metadata"]["labels"] for name, each in workloads.items()}
    yield from network.problems(documents, pods)
    if any(each["kind"] == "Secret" for each in documents):
        yield "a Secret is in the manifests; secrets are not kept in the repository"


def least_privilege(pod):
    context = pod.get("securityContext", {})
    wanted = {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, "seccompProfile": {"type": "RuntimeDefault"}}
    yield from (f"{key} is not {value}" for key, value in wanted.items() if context.get(key) != value)
    if pod.get("automountServiceAccountToken") is not False:
        yield "has a token for the Kubernetes API"
    for key in ("hostNetwork", "hostPID", "hostIPC", "initContainers"):
        if pod.get(key):
            yield f"has {key}"
    for container in pod["containers"]:
        context = container.get("securityContext", {})
        if context.get("readOnlyRootFilesystem") is not True:
            yield "may write its root file system"
        if context.get("allowPrivilegeEscalation") is not False:
            yield "may gain privileges"
        if context.get("capabilities") != {"drop": ["ALL"]}:
            yield "keeps capabilities"


def own_secret(name, pod):
    mine = re.sub("^provision-(kafka|database)s?$", r"\1-setup", name)
    for volume in pod.get("volumes", []):
        if set(volume) != {"name", "secret"}:
            yield f"mounts {volume}, which is no secret"
        elif volume["secret"]["secretName"] != mine:
            yield f"mounts the secret {volume['secret']['secretName']}"
    for container in pod["containers"]:
        mounts = {mount["mountPath"]: mount.get("readOnly") for mount in container.get("volumeMounts", [])}
        if mounts != {"/run/secrets": True}:
            yield f"mounts {mounts} instead of /run/secrets, read only"
        for variable in container.get("env", []):
            if "valueFrom" in variable or re.search(r"(PASSWORD|TOKEN|SECRET|DATABASE_URL)$", variable["name"]):
                yield f"{variable['name']} may have a secret in the environment; secrets are files"


def secret_files(name, pod, documents):
    """A program that is told of a file which its secret has not does not start."""
    told = {each["metadata"]["name"]: each["data"] for each in documents if each["kind"] == "ConfigMap"}
    kept = next((keys for kind, keys in KEYS.items() if re.fullmatch(kind, name)), set())
    if name in repository.SERVICES:
        kept = SERVICES_KEYS | tokens(name)
    for container in pod["containers"]:
        settings = {}
        for source in container.get("envFrom", []):
            settings |= told.get(source["configMapRef"]["name"], {})
        settings |= {variable["name"]: variable.get("value", "") for variable in container.get("env", [])}
        files = {key: value for key, value in settings.items() if key.endswith("_FILE")}
        for key, path in files.items():
            if path.removeprefix("/run/secrets/") not in kept:
                yield f"{key} is {path}, which is not in its secret"


def tokens(service):
    """What production adds: the providers' tokens. MAIL_TOKEN_FILE is the key mail-token, and a longer name may be cut
    in front: PAYMENT_PROVIDER_TOKEN_FILE is provider-token."""
    settings = [setting for setting in repository.SERVICES[service]["settings"] if setting.endswith("_TOKEN_FILE")]
    words = [setting.removesuffix("_FILE").lower().split("_") for setting in settings]
    return {"-".join(each[at:]) for each in words for at in range(len(each) - 1)}


def containers(kind, pod):
    for container in pod["containers"]:
        resources = container.get("resources", {})
        for what in ("requests", "limits"):
            if not {"cpu", "memory"} <= set(resources.get(what, {})):
                yield f"has no {what} for processor and memory"
        if not re.search(r"(:(?!latest$)[\w.-]+|@sha256:\w{64})$", container["image"]):
            yield f"runs {container['image']}, whatever that is today"
        ports = {port["name"] for port in container.get("ports", [])}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe") if kind == "Deployment" else ():
            asked = container.get(probe, {}).get("httpGet") or container.get(probe, {}).get("tcpSocket") or {}
            if asked.get("port") not in ports:
                yield f"has no {probe} on a port of its own"


def references(documents, workload, pod):
    there = {(each["kind"], each["metadata"]["name"]) for each in documents}
    wanted = [("ServiceAccount", pod[key]) for key in ("serviceAccountName",) if key in pod]
    for container in pod["containers"]:
        wanted += [("ConfigMap", source["configMapRef"]["name"]) for source in container.get("envFrom", [])]
    yield from (f"there is no {kind} {name}" for kind, name in wanted if (kind, name) not in there)
    if workload["metadata"].get("namespace") is None:
        yield "is in no namespace"


def ends(documents, workloads):
    """A pod must not be killed while it drains, and a rollout must not take replicas away first."""
    settings = {key: value for each in documents if each["kind"] == "ConfigMap" for key, value in each["data"].items()}
    draining = int(re.fullmatch(r"(\d+)s", settings["DRAIN_TIMEOUT"])[1])
    for name, workload in workloads.items():
        if workload["kind"] != "Deployment" or name == "sandbox":
            continue
        pod = workload["spec"]["template"]["spec"]
        before = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if before == 0:
            yield f"Deployment {name}: closes its port before the proxies have forgotten it"
        if pod.get("terminationGracePeriodSeconds", 30) <= before + draining + BESIDES_DRAINING:
            yield f"Deployment {name}: would be killed while it drains"
        if workload["spec"]["strategy"]["rollingUpdate"].get("maxUnavailable") != 0:
            yield f"Deployment {name}: a rollout takes replicas away before others are ready"


def connections(documents, workloads):
    """A role may have as many connections as its service's replicas, or scaling would lock some of them out."""
    settings = {key: value for each in documents if each["kind"] == "ConfigMap" for key, value in each["data"].items()}
    most = {str(each["spec"].get("maxReplicaCount")) for each in documents if each["kind"] == "ScaledObject"}
    for name, workload in workloads.items():
        if name != "provision-databases":
            continue
        told = {each["name"]: each.get("value") for each in workload["spec"]["template"]["spec"]["containers"][0]["env"]}
        pools = ("DATABASE_CONNECTIONS", "API_DATABASE_CONNECTIONS")
        if any(told.get(pool) != settings.get(pool) for pool in pools):
            yield f"Job {name}: reckons with other pools than the services have"
        if most and told.get("MOST_REPLICAS") != max(most, key=int):
            yield f"Job {name}: reckons with other replicas than the ScaledObjects have"


def selectors(documents, workloads):
    """What a Service and a disruption budget stand for are one Deployment's pods, and no Job's."""
    for document in documents:
        if document["kind"] not in ("Service", "PodDisruptionBudget"):
            continue
        selector = document["spec"]["selector"]
        selector = selector.get("matchLabels", selector).items()
        name = document["metadata"]["name"]
        chosen = [
            workload
            for workload, each in workloads.items()
            if selector <= each["spec"]["template"]["metadata"]["labels"].items()
        ]
        if chosen != [name]:
            yield f"{document['kind']} {name}: stands for the pods of {chosen or 'nobody'}"
