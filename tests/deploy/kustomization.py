"""What `kubectl kustomize` makes of a folder, as far as this project's kustomizations go; without hashes in names."""

import copy
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]

_KNOWN = {
    "apiVersion",
    "kind",
    "namespace",
    "resources",
    "labels",
    "configMapGenerator",
    "images",
    "replicas",
    "patches",
}


def rendered(folder: Path) -> list[Manifest]:
    """Every manifest that the kustomization in ``folder`` stands for."""
    stated = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert set(stated) <= _KNOWN, f"{folder}: this reader does not know {set(stated) - _KNOWN}"
    manifests: list[Manifest] = []
    for resource in stated["resources"]:
        path = folder / resource
        manifests += rendered(path) if path.is_dir() else list(yaml.safe_load_all(path.read_text()))
    for generator in stated.get("configMapGenerator", []):
        _generate(manifests, generator)
    for patch in stated.get("patches", []):
        document = yaml.safe_load((folder / patch["path"]).read_text())
        [target] = [found for found in manifests if _key(found) == _key(document)]
        merge(target, document)
    for manifest in manifests:
        _label(manifest, stated.get("labels", []))
        if "namespace" in stated:
            manifest["metadata"]["namespace"] = stated["namespace"]
        _replicate(manifest, stated.get("replicas", []))
        _name_images(manifest, stated.get("images", []))
    return manifests


def pod_of(manifest: Manifest) -> Manifest | None:
    """The template of its pods; None if it makes none."""
    template: Manifest | None = manifest.get("spec", {}).get("template")
    return template


def merge(target: Manifest, patch: Manifest) -> None:
    """A strategic merge: null removes, lists of named things are merged by their names, other lists replaced."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, dict):
            merge(target.setdefault(key, {}), value)
        elif isinstance(value, list) and (name := _merge_key(value)) is not None:
            _merge_named(target.setdefault(key, []), value, name)
        else:
            target[key] = copy.deepcopy(value)


def _merge_named(target: list[Manifest], patch: list[Manifest], name: str) -> None:
    by_name = {item[name]: item for item in target}
    for item in patch:
        if item[name] in by_name:
            merge(by_name[item[name]], item)
        else:
            target.append(copy.deepcopy(item))


def _merge_key(items: list[Any]) -> str | None:
    return next((key for key in ("mountPath", "name") if all(isinstance(i, dict) and key in i for i in items)), None)


def _key(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def _generate(manifests: list[Manifest], generator: Manifest) -> None:
    data = dict(literal.split("=", 1) for literal in generator["literals"])
    if generator.get("behavior") == "merge":
        [target] = [found for found in manifests if _key(found) == ("ConfigMap", generator["name"])]
        target["data"] |= data
        return
    metadata = {"name": generator["name"]}
    manifests.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})


def _label(manifest: Manifest, labels: list[Manifest]) -> None:
    for label in labels:
        manifest["metadata"].setdefault("labels", {}).update(label["pairs"])
        if (pod := pod_of(manifest)) and label.get("includeTemplates"):
            pod["metadata"]["labels"].update(label["pairs"])


def _replicate(manifest: Manifest, replicas: list[Manifest]) -> None:
    for stated in replicas:
        if _key(manifest) == ("Deployment", stated["name"]):
            manifest["spec"]["replicas"] = stated["count"]


def _name_images(manifest: Manifest, images: list[Manifest]) -> None:
    for container in (pod_of(manifest) or {"spec": {"containers": []}})["spec"]["containers"]:
        for image in images:
            if container["image"].partition(":")[0] == image["name"]:
                container["image"] = f"{image['newName']}:{image['newTag']}"
