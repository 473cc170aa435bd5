"""A hub on this machine: the parts of the Hugging Face hub's HTTP API that `huggingface_hub` uses without Xet storage.

It stores what it is sent, refuses what the hub refuses, and notes every request with the token that came with it.
"""

import base64
import hashlib
import http.server
import json
import re
import threading
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml  # comes with the hub's client

COMMIT = "c0ffee" + "0" * 34


@dataclass
class Repository:
    """Files by path, and who sees them."""

    private: bool = True
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Request:
    """What was asked, by whom, with how much content."""

    method: str
    path: str
    token: str
    size: int


class SmallHub(http.server.ThreadingHTTPServer):
    """`repositories` by kind and name (`models/me/rock`); paths in `failing` are answered with 500."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.repositories: dict[str, Repository] = {}
        self.large: dict[str, bytes] = {}  # by SHA-256
        self.requests: list[Request] = []
        self.failing = ""
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def sent(self, part: str) -> list[Request]:
        """Requests with this in their path."""
        return [request for request in self.requests if part in request.path]

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: SmallHub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self._read("POST")
        if re.search(self.server.failing or "$^", self.path):
            return self._answer(500, {"error": "the small hub is told to fail here"})
        if self.path == "/api/repos/create":
            return self._create(json.loads(body))
        if self.path == "/api/validate-yaml":
            return self._validate(json.loads(body)["content"])
        if found := re.fullmatch(r"/api/((?:models|datasets)/[^/]+/[^/]+)/preupload/main", self.path):
            return self._preupload(self.server.repositories[found[1]], json.loads(body)["files"])
        if re.fullmatch(r"/(datasets/)?[^/]+/[^/]+\.git/info/lfs/objects/batch", self.path):
            return self._batch(json.loads(body)["objects"])
        if found := re.fullmatch(r"/api/((?:models|datasets)/[^/]+/[^/]+)/commit/main", self.path):
            return self._commit(found[1], body)
        self._answer(404, {"error": "unknown to the small hub"})

    def do_PUT(self) -> None:
        body = self._read("PUT")
        oid = self.path.rsplit("/", 1)[-1]
        assert hashlib.sha256(body).hexdigest() == oid
        self.server.large[oid] = body
        self._answer(200, {})

    def do_GET(self) -> None:
        self._read("GET")
        self._look_up()

    def do_HEAD(self) -> None:
        self._read("HEAD")
        self._look_up()

    def _look_up(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if found := re.fullmatch(r"/(datasets/[^/]+/[^/]+)/resolve/[^/]+/(.+)", path):
            content = self.server.repositories[found[1]].files[found[2]]
            etag = {"ETag": f'"{_blob(content)}"', "X-Repo-Commit": COMMIT}
            return self._answer(200, content, etag)
        found = re.fullmatch(r"/api/((?:models|datasets)/[^/]+/[^/]+)(/revision/[^/]+|/tree/[^/]+)?", path)
        repository = self.server.repositories.get(found[1]) if found else None
        if repository is None or (repository.private and not self.server.requests[-1].token):
            return self._answer(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        if (found[2] or "").startswith("/tree"):
            listed = [
                {"type": "file", "path": name, "size": len(content), "oid": _blob(content)}
                for name, content in repository.files.items()
            ]
            return self._answer(200, listed)
        name = found[1].split("/", 1)[1]
        answer = {"id": name, "private": repository.private, "sha": COMMIT, "siblings": [], "tags": [], "downloads": 0}
        self._answer(200, answer)

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        is_dataset = asked.get("type") == "dataset"
        key = f"{'datasets' if is_dataset else 'models'}/{name}"
        there = key in self.server.repositories
        self.server.repositories.setdefault(key, Repository(asked.get("visibility") != "public"))
        self._answer(409 if there else 200, {"url": f"{self.server.url}/{key.removeprefix('models/')}"})

    def _validate(self, content: str) -> None:
        data = yaml.safe_load(content.split("---")[1])
        wrong = [] if re.fullmatch(r"[a-z0-9.+-]+", data["license"]) else [{"message": "license"}]
        self._answer(400 if wrong else 200, {"errors": wrong, "warnings": []})

    def _preupload(self, repository: Repository, files: list[dict[str, Any]]) -> None:
        answers = []
        for file in files:
            large, stored = file["path"].endswith((".safetensors", ".wav")), repository.files.get(file["path"])
            name = None if stored is None else hashlib.sha256(stored).hexdigest() if large else _blob(stored)
            mode = "lfs" if large else "regular"
            answers.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": name})
        self._answer(200, {"files": answers})

    def _batch(self, objects: list[dict[str, Any]]) -> None:
        answers = [{"oid": wanted["oid"], "size": wanted["size"]} for wanted in objects]
        for answer in answers:
            if answer["oid"] not in self.server.large:
                answer["actions"] = {"upload": {"href": f"{self.server.url}/large/{answer['oid']}"}}
        self._answer(200, {"transfer": "basic", "objects": answers})

    def _commit(self, name: str, body: bytes) -> None:
        repository = self.server.repositories[name]
        for line in body.splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                repository.files[value["path"]] = self.server.large[value["oid"]]
        address = f"{self.server.url}/{name.removeprefix('models/')}/commit/{COMMIT}"
        self._answer(200, {"commitUrl": address, "commitOid": COMMIT})

    def _read(self, method: str) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        self.server.requests.append(Request(method, self.path, token, len(body)))
        return body

    def _answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def _blob(content: bytes) -> str:
    """Git's name of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
