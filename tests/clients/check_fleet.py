"""Checks the Kubernetes manifest in examples/fleet against the rules of the API for an indexed Job, as far as that is possible
without a cluster: what `kubectl apply` refuses, or what a Job could not run with.

Usage: check_fleet.py

The rules are those of batch/v1 Job (API reference and its validation): which fields there are and their types, which of them
ask for others, names, quantities, and that what is mounted is there.
"""
import re
import sys
from pathlib import Path

import yaml

MANIFEST = Path(__file__).resolve().parent.parent.parent / "examples" / "fleet" / "kubernetes.yaml"
QUANTITY = re.compile(r"^\d+(\.\d+)?(m|[kMGTPE]|[KMGTPE]i)?$")
LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")

MOUNT = {"name": str, "mountPath": str, "readOnly": bool, "subPath": str}
CLAIM = {"claimName": str, "readOnly": bool}
CONTAINER = {
    "name": str, "image": str, "imagePullPolicy": str, "command": [str], "args": [str], "workingDir": str,
    "env": [{"name": str, "value": str}], "volumeMounts": [MOUNT],
    "resources": {"requests": {"cpu": str, "memory": str}, "limits": {"cpu": str, "memory": str}},
}
JOB = {
    "apiVersion": str, "kind": str, "metadata": {"name": str, "namespace": str, "labels": dict},
    "spec": {
        "completionMode": str, "completions": int, "parallelism": int, "backoffLimit": int, "backoffLimitPerIndex": int,
        "maxFailedIndexes": int, "ttlSecondsAfterFinished": int, "activeDeadlineSeconds": int,
        "podFailurePolicy": {
            "rules": [{"action": str, "onExitCodes": {"containerName": str, "operator": str, "values": [int]}}],
        },
        "template": {
            "metadata": {"labels": dict},
            "spec": {
                "restartPolicy": str, "containers": [CONTAINER],
                "volumes": [{"name": str, "persistentVolumeClaim": CLAIM}],
            },
        },
    },
}


def typed(value, schema, place):
    """Only fields that there are, each of its type: unknown ones are refused or, worse, ignored."""
    match schema:
        case list():
            assert isinstance(value, list) and value, f"{place}: a list"
            for number, item in enumerate(value):
                typed(item, schema[0], f"{place}[{number}]")
        case dict():
            assert isinstance(value, dict), f"{place}: an object"
            for name, inner in value.items():
                assert name in schema, f"{place}: there is no field {name}"
                typed(inner, schema[name], f"{place}.{name}")
        case _:
            # YAML reads 4 as a number, where the API wants a text, and true is no number.
            assert type(value) is schema, f"{place}: {value!r} is no {schema.__name__}"


def check(job):
    typed(job, JOB, "Job")
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    spec = job["spec"]
    pod = spec["template"]["spec"]
    names = [job["metadata"]["name"], *(c["name"] for c in pod["containers"]), *(v["name"] for v in pod["volumes"])]
    for name in names:
        assert LABEL.match(name), f"{name} is no name"
    # Pods are called NAME-INDEX-XXXXX, which must be a host's name.
    assert len(f"{job['metadata']['name']}-{spec['completions'] - 1}") <= 63
    assert spec["completionMode"] == "Indexed" and spec["completions"] > 0
    assert 0 < spec["parallelism"] <= spec["completions"]
    assert pod["restartPolicy"] == "Never", "a policy for failed pods, and a limit for each index, need that"
    for rule in spec["podFailurePolicy"]["rules"]:
        codes = rule["onExitCodes"]
        assert rule["action"] in {"FailJob", "FailIndex", "Ignore", "Count"}
        assert rule["action"] != "FailIndex" or "backoffLimitPerIndex" in spec
        assert codes["operator"] in {"In", "NotIn"} and (codes["operator"] != "In" or 0 not in codes["values"])
        assert codes["values"] == sorted(set(codes["values"])), "exit codes are in order, each once"
        assert codes["containerName"] in {c["name"] for c in pod["containers"]}
    volumes = {v["name"] for v in pod["volumes"]}
    for container in pod["containers"]:
        mounts = container["volumeMounts"]
        assert {m["name"] for m in mounts} <= volumes, "what is mounted is no volume"
        assert len({m["mountPath"] for m in mounts}) == len(mounts)
        for kind in container["resources"].values():
            assert all(QUANTITY.match(q) for q in kind.values()), f"{kind} are no quantities"
        command = container["command"]
        inside = tuple(m["mountPath"] + "/" for m in mounts)
        outside = [word for word in command if word.startswith("/") and not word.startswith(inside)]
        assert not outside, f"{outside} are on no volume"
        share = command[command.index("--share") + 1]
        assert share == f"$(JOB_COMPLETION_INDEX)/{spec['completions']}", f"{share} is not the share of a pod"
        for word in command:
            for name in re.findall(r"\$\((\w+)\)", word):
                assert name == "JOB_COMPLETION_INDEX", f"nobody sets {name}"


def main():
    text = MANIFEST.read_text()
    check(yaml.safe_load(text))
    # The check finds what is wrong.
    for right, wrong in [
        ("completionMode: Indexed", "completionMode: NonIndexed"), ("restartPolicy: Never", "restartPolicy: Always"),
        ("values: [2, 5]", "values: [5, 2]"), ("completions: 10", "completions: 9"), ('cpu: "4"', "cpu: 4"),
        ("parallelism", "paralelism"), ("name: sysds-fleet", "name: sysds_fleet"), ("/data/fleet", "/tmp/fleet"),
        ("            - name: data\n", "            - name: date\n"),
    ]:
        assert right in text, right
        try:
            check(yaml.safe_load(text.replace(right, wrong)))
        except AssertionError:
            continue
        sys.exit(f"{wrong} is not found")
    print(f"{MANIFEST.name}: no fault")


main()
