"""One registry of the Python reference, driven by a line of JSON per call.

argv: backend kind (local, s3, gcs), its settings as JSON, the options of the registry as JSON.
"""
import base64
import json
import logging
import os
import sys

logging.disable(logging.CRITICAL)


def backend_of(kind, settings):
    if kind == "local":
        return settings["root"]
    if kind == "s3":
        from mindtrace.registry import S3RegistryBackend

        return S3RegistryBackend(
            endpoint=settings["endpoint"],
            access_key=os.environ["AWS_ACCESS_KEY_ID"],
            secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            bucket=settings["bucket"],
            prefix=settings["prefix"],
            secure=False,
        )
    import google.auth
    from google.auth.credentials import AnonymousCredentials

    google.auth.default = lambda *args, **kwargs: (AnonymousCredentials(), "test")
    from mindtrace.registry.backends.gcp_registry_backend import GCPRegistryBackend

    return GCPRegistryBackend(
        project_id="test", bucket_name=settings["bucket"], prefix=settings["prefix"]
    )


def encoded(value):
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    return {"value": value}


def main():
    from mindtrace.registry import Registry

    kind, settings, options = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
    registry = Registry(backend_of(kind, settings), use_cache=False, versions_cache_ttl=0, **options)

    def save(name, version=None, metadata=None, bytes=None, value=None, on_conflict=None):
        body = base64.b64decode(bytes) if bytes is not None else value
        return registry.save(
            name, body, version=version, metadata=metadata, on_conflict=on_conflict
        )

    calls = {
        "save": save,
        "load": lambda name, version="latest": encoded(
            registry.load(name, version=version, verify="full")
        ),
        "delete": lambda name, version=None: registry.delete(name, version=version),
        "has": lambda name, version="latest": registry.has_object(name, version=version),
        "versions": lambda name: registry.list_versions(name),
        "info": lambda name, version: registry.info(name, version),
    }
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        call = json.loads(line)
        try:
            answer = {"answer": calls[call["call"]](**call["args"])}
        except Exception as error:  # noqa: BLE001
            answer = {"error": type(error).__name__, "message": str(error)}
        print(json.dumps(answer, default=str), flush=True)


main()
