"""A registry with one image in it, run where the engine can reach it: ``PORT ARCHIVE NAME TAG``."""

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_UNKNOWN = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}'


def blobs_of(layer: bytes) -> tuple[dict[str, bytes], bytes]:
    """Return the blobs of an image of one layer by digest, and its manifest."""
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        }
    ).encode()
    described = [
        {"mediaType": f"application/vnd.docker.{kind}", "size": len(data), "digest": digest(data)}
        for kind, data in (("container.image.v1+json", config), ("image.rootfs.diff.tar", layer))
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": described[0],
        "layers": described[1:],
    }
    return {digest(config): config, digest(layer): layer}, json.dumps(manifest).encode()


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def handler(layer: bytes, name: str, tag: str) -> type[BaseHTTPRequestHandler]:
    blobs, manifest = blobs_of(layer)
    places = {f"/v2/{name}/manifests/{each}": manifest for each in (tag, digest(manifest))}
    places |= {f"/v2/{name}/blobs/{each}": data for each, data in blobs.items()}
    places["/v2/"] = b"{}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data = places.get(self.path, _UNKNOWN)
            self.send_response(404 if data is _UNKNOWN else 200)
            self.send_header("Docker-Content-Digest", digest(data))
            manifests = "/manifests/" in self.path
            self.send_header("Content-Type", _MANIFEST if manifests else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        do_HEAD = do_GET  # noqa: N815 - the name that the server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


if __name__ == "__main__":
    port, archive, name, tag = sys.argv[1:]
    server = ThreadingHTTPServer(
        ("127.0.0.1", int(port)), handler(Path(archive).read_bytes(), name, tag)
    )
    server.serve_forever()
