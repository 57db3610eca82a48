"""A real Prometheus that watches what it is told to, and its promtool."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx
from end_to_end.world import ROOT, eventually, free_port

DEPLOYED = ROOT / "deploy" / "prometheus"
RULES = [DEPLOYED / "recording.rules.yml", DEPLOYED / "alerts.rules.yml"]


def found_folder() -> Path:
    """Where its programs are; they are fetched if need be."""
    found = subprocess.run([ROOT / "scripts/find_prometheus.sh"], check=False, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return Path(found.stdout.strip())


def promtool(folder: Path, *arguments: object, stdin: str = "") -> subprocess.CompletedProcess:
    """How promtool ended."""
    return subprocess.run(
        [folder / "promtool", *arguments], check=False, capture_output=True, text=True, input=stdin, timeout=60
    )


@dataclass
class Prometheus:
    """Scrapes every second and judges the rules every second."""

    data: Path
    folder: Path
    targets: dict[str, str]
    process: subprocess.Popen | None = None

    def start(self) -> "Prometheus":
        configuration = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in RULES],
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in self.targets.items()
            ],
        }
        self.data.mkdir()
        file = self.data / "prometheus.json"
        file.write_text(json.dumps(configuration))  # YAML, too
        address = f"127.0.0.1:{free_port()}"
        with (self.data / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    self.folder / "prometheus",
                    f"--config.file={file}",
                    f"--storage.tsdb.path={self.data / 'tsdb'}",
                    f"--web.listen-address={address}",
                ],
                stdout=log,
                stderr=log,
            )
        self._client = httpx.Client(base_url=f"http://{address}/api/v1", trust_env=False)
        eventually(self._answers, "Prometheus answers", 60)
        return self

    def stop(self) -> None:
        self._client.close()
        self.process.terminate()
        self.process.wait(30)

    def query(self, expression: str) -> list[dict]:
        """The vector that ``expression`` gives now; fails if Prometheus refuses it."""
        answer = self._client.get("/query", params={"query": expression}).json()
        assert answer["status"] == "success", (expression, answer["error"])
        data = answer["data"]
        return data["result"] if data["resultType"] == "vector" else [data["result"]]

    def names(self) -> set[str]:
        """Every metric that it has seen."""
        return set(self._client.get("/label/__name__/values").json()["data"])

    def rules(self) -> list[dict]:
        """Every rule with its health."""
        return [rule for group in self._client.get("/rules").json()["data"]["groups"] for rule in group["rules"]]

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.data / "log").read_text()
        try:
            return self._client.get("/query", params={"query": "1"}).status_code == 200
        except httpx.HTTPError:
            return False
