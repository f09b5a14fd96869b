"""Who reaches whom inside the namespace, and who leaves it, by the network policies."""

import repository


def problems(documents, pods):
    """pods: the labels of each workload's pods, by name."""
    policies = [document["spec"] for document in documents if document["kind"] == "NetworkPolicy"]
    both = {"Ingress", "Egress"}
    if not any(spec["podSelector"] == {} and both <= set(spec["policyTypes"]) and len(spec) == 2 for spec in policies):
        yield "no network policy denies by default"
    for source in pods:
        for target in pods:
            if source != target and target != "sandbox" and reaches(policies, pods[source], pods[target]):
                yield f"{source} can reach {target} over the network"
    for service, described in repository.SERVICES.items():
        if service not in pods:
            continue
        calls, leaves = bool(described["calls"]), goes_outside(policies, pods[service])
        if "sandbox" in pods:
            leaves = reaches(policies, pods[service], pods["sandbox"])
        if calls and not leaves:
            yield f"{service} calls {described['calls']}, and can't reach its provider"
        if leaves and not calls:
            yield f"{service} calls no provider, and can reach the providers"


def reaches(policies, source, target):
    return allows(policies, "egress", "to", source, target) and allows(policies, "ingress", "from", target, source)


def goes_outside(policies, labels):
    """May these pods talk to addresses that are not the cluster's?"""
    mine = [spec for spec in policies if "Egress" in spec["policyTypes"] and matches(spec["podSelector"], labels)]
    rules = [rule for spec in mine for rule in spec.get("egress", [])]
    return any("to" not in rule or any("ipBlock" in each for each in rule["to"]) for rule in rules)


def allows(policies, direction, side, selected, peer):
    about = [spec for spec in policies if direction.capitalize() in spec["policyTypes"]]
    about = [spec for spec in about if matches(spec["podSelector"], selected)]
    rules = [rule for spec in about for rule in spec.get(direction, [])]
    # A rule without peers is about everybody; a peer with a namespace is elsewhere; one of addresses is outside.
    inside = lambda peer: "namespaceSelector" not in peer and "ipBlock" not in peer
    return not about or any(
        side not in rule or any(inside(each) and matches(each["podSelector"], peer) for each in rule[side])
        for rule in rules
    )


def matches(selector, labels):
    wanted = selector.get("matchLabels", {}).items() <= labels.items()
    return wanted and all(
        # Whatever else Kubernetes has, nobody uses here.
        {"In": labels.get(each["key"]) in each["values"]}[each["operator"]]
        for each in selector.get("matchExpressions", [])
    )
