"""The manifests: valid by Kubernetes' own schemas, consistent, and with settings that the rooms accept."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from deploy.kustomization import Manifest, pod_of, rendered
from sealed import ADDRESS_KEY

from pager_grpc.daemon.rooms import Room, settings_kind
from pager_grpc.runtime.server import DRAIN_SECONDS

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"
FOLDERS = ["base", "overlays/example", "overlays/mutual-tls"]
SECRETS = {
    "pager": {"database-url": "postgresql+asyncpg://pager@db/pager", "address-keys": ADDRESS_KEY},
    "policy": {"database-url": "postgresql+asyncpg://policy@db/policy"},
    "notifier": {
        "database-url": "postgresql+asyncpg://notifier@db/notifier",
        "smtp-url": "smtps://mail.example.com",
        "email-from": "pager@example.com",
    },
}
"""What docs/deployment.md tells to put into the Secrets."""


@pytest.fixture(params=FOLDERS)
def manifests(request: pytest.FixtureRequest) -> list[Manifest]:
    return rendered(KUBERNETES / request.param)


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {manifest["metadata"]["name"]: manifest for manifest in manifests if manifest["kind"] == kind}


def workloads(manifests: list[Manifest]) -> dict[str, Manifest]:
    """The one container of every Deployment and Job."""
    found = {m["metadata"]["name"]: pod_of(m)["spec"]["containers"] for m in manifests if pod_of(m)}
    return {name: container for name, [container] in found.items()}


def environment(manifests: list[Manifest], container: Manifest) -> dict[str, str]:
    """What the process would find, with the Secrets as the documents tell to make them."""
    found: dict[str, str] = {}
    for source in container["envFrom"]:
        found |= of_kind(manifests, "ConfigMap")[source["configMapRef"]["name"]]["data"]
    for variable in container["env"]:
        reference = variable["valueFrom"]["secretKeyRef"]
        value = SECRETS[reference["name"]].get(reference["key"])
        assert value is not None or reference.get("optional"), f"no document tells to make {reference}"
        if value is not None:
            found[variable["name"]] = value
    return found


def test_every_manifest_is_valid_by_the_schemas_of_kubernetes(manifests):
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.32", strict=True)


def test_each_room_accepts_the_settings_that_its_pods_get(manifests, monkeypatch):
    for name, container in workloads(manifests).items():
        room = Room(name.removeprefix("migrate-"))
        assert container["args"] == ["migrate" if name.startswith("migrate-") else "serve", room]
        given = environment(manifests, container)
        for variable, value in given.items():
            monkeypatch.setenv(variable, value.replace("/certificates/", "/nowhere/"))
        if given["PAGERD_INSECURE"] == "true":
            settings_kind(room)(_env_file=None)
        known = {field.alias for kind in Room for field in settings_kind(kind).model_fields.values()}
        assert set(given) <= known
        for variable in given:
            monkeypatch.delenv(variable)


def test_what_is_named_is_there(manifests):
    deployments, services = of_kind(manifests, "Deployment"), of_kind(manifests, "Service")
    assert {*deployments} == {*services} == {*of_kind(manifests, "PodDisruptionBudget")} == {*Room}
    assert {*of_kind(manifests, "NetworkPolicy")} >= {*Room}
    assert {*of_kind(manifests, "Job")} == {f"migrate-{room}" for room in Room}
    for room in Room:
        labels = pod_of(deployments[room])["metadata"]["labels"]
        selectors = [
            deployments[room]["spec"]["selector"]["matchLabels"],
            services[room]["spec"]["selector"],
            of_kind(manifests, "PodDisruptionBudget")[room]["spec"]["selector"]["matchLabels"],
            of_kind(manifests, "NetworkPolicy")[room]["spec"]["podSelector"]["matchLabels"],
        ]
        assert all(selector.items() <= labels.items() for selector in selectors)


def test_targets_and_probes_name_the_port_at_which_the_image_listens(manifests):
    listening = dict(image_ports())
    settings = of_kind(manifests, "ConfigMap")["settings"]["data"]
    for name, value in settings.items():
        if name.endswith("_TARGET"):
            host, _, port = value.partition(":")
            assert listening[host] == int(port)
    for room, deployment in of_kind(manifests, "Deployment").items():
        [container] = pod_of(deployment)["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["grpc"] == listening[room]
        assert settings[f"{room.upper()}_METRICS_LISTEN"].endswith(f":{ports['metrics']}")
        served = {port["targetPort"]: port["port"] for port in of_kind(manifests, "Service")[room]["spec"]["ports"]}
        assert served.pop("grpc") == listening[room]
        for door, port in served.items():
            assert (door, settings[f"{room.upper()}_CALLERS_LISTEN"]) == ("callers", f"0.0.0.0:{port}")
            assert ports["callers"] == port
        probe = container["readinessProbe"]
        if settings["PAGERD_INSECURE"] == "true":
            assert probe["grpc"] == {"port": listening[room]}
        else:
            assert (probe["exec"]["command"], "grpc" in probe) == (["pagerd", "health", room], False)


def image_ports() -> Any:
    """Where the image listens, from its ENV."""
    for line in (KUBERNETES.parents[1] / "Dockerfile").read_text().splitlines():
        name, equals, value = line.strip().removesuffix(" \\").partition("_LISTEN=")
        if equals:
            yield name.lower(), int(value.rpartition(":")[2])


def test_pods_may_do_nothing_but_their_work_and_have_the_time_to_leave(manifests):
    for manifest in filter(pod_of, manifests):
        spec = pod_of(manifest)["spec"]
        [container] = spec["containers"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec["automountServiceAccountToken"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        if manifest["kind"] == "Deployment":
            [_, before] = container["lifecycle"]["preStop"]["exec"]["command"]
            assert spec["terminationGracePeriodSeconds"] >= int(before) + 5 + 2 * DRAIN_SECONDS
            assert manifest["spec"]["replicas"] >= 2
            assert manifest["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_no_manifest_holds_a_secret(manifests):
    assert not of_kind(manifests, "Secret")


def test_with_mutual_tls_each_room_has_a_certificate_of_its_own():
    manifests = rendered(KUBERNETES / "overlays/mutual-tls")
    for manifest in filter(pod_of, manifests):
        room = manifest["metadata"]["name"].removeprefix("migrate-")
        volumes = {v["name"]: v.get("secret") for v in pod_of(manifest)["spec"]["volumes"]}
        # Everybody may read what has no mode, and a room refuses such a key.
        assert volumes["certificate"] == {"secretName": f"{room}-certificate", "defaultMode": 0o440}
        security = pod_of(manifest)["spec"]["securityContext"]
        assert security["fsGroup"] == security["runAsGroup"]
        [container] = pod_of(manifest)["spec"]["containers"]
        assert {m["mountPath"] for m in container["volumeMounts"]} == {"/data", "/certificates"}
