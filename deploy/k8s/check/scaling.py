"""Replicas: who sets them, within which bounds, and by which topics' lag."""

import repository


def problems(documents, workloads):
    scaled = {each["metadata"]["name"]: each["spec"] for each in documents if each["kind"] == "ScaledObject"}
    budgets = {each["metadata"]["name"]: each["spec"] for each in documents if each["kind"] == "PodDisruptionBudget"}
    logins = {each["metadata"]["name"]: each["spec"] for each in documents if each["kind"] == "TriggerAuthentication"}
    for service in repository.SERVICES:
        if service not in workloads or service not in scaled or service not in budgets:
            yield f"{service} has no Deployment, ScaledObject or PodDisruptionBudget"
            continue
        spec, workload = scaled[service], workloads[service]["spec"]
        found = [*bounds(spec, partitions(workloads)), *lag(service, spec), *login(service, logins)]
        if spec["scaleTargetRef"]["name"] != service:
            found.append("scales another")
        if "replicas" in workload:
            found.append("its Deployment sets replicas too, back to that at every apply")
        if budgets[service].get("maxUnavailable") != 1:
            found.append("its disruption budget is not one pod at a time")
        yield from (f"ScaledObject {service}: {problem}" for problem in found)


def partitions(workloads):
    """Of each topic, as the Job asks for them that makes the topics."""
    [container] = workloads["provision-kafka"]["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each.get("value") for each in container["env"]}
    return int(told.get("PARTITIONS", repository.PARTITIONS))


def bounds(spec, partitions):
    most = min(partitions, repository.RANGES)
    if not 2 <= spec.get("minReplicaCount", 0) <= spec.get("maxReplicaCount", 100) <= most:
        yield f"its bounds are not between 2 and the {most} partitions or key ranges"
    fallback = spec.get("fallback", {}).get("replicas", 0)
    if not spec.get("minReplicaCount", 0) <= fallback <= spec.get("maxReplicaCount", 100):
        yield "its fallback is not within its bounds"
    behavior = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {}).get("behavior", {})
    if behavior.get("scaleDown", {}).get("stabilizationWindowSeconds", 0) < 300:
        yield "it scales down as soon as the lag is gone, and every step moves partitions"


def lag(service, spec):
    for trigger in spec["triggers"]:
        metadata = trigger["metadata"]
        if metadata.get("consumerGroup") != service:
            yield f"looks at the group {metadata.get('consumerGroup')}"
        reads = repository.SERVICES[service]["reads"]
        if sorted(metadata.get("topic", "").split(",")) != sorted(reads):
            yield f"looks at {metadata.get('topic')}; the service reads {reads}"
        if (metadata.get("sasl"), metadata.get("tls")) != ("scram_sha512", "enable"):
            yield "asks Kafka without SCRAM over TLS"
        if trigger.get("authenticationRef", {}).get("name") != service:
            yield "asks Kafka as another"


def login(service, logins):
    for source in logins.get(service, {}).get("secretTargetRef", [{}]):
        if source.get("name") != service:
            yield f"asks Kafka with the secret {source.get('name')}"
