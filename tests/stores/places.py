"""A bucket or a container, as the tests look into it: by the clients that its makers ship, not by the program."""
import json
from contextlib import suppress
from typing import Any, Protocol

import boto3
import servers
from azure.storage.blob import BlobServiceClient

BUCKET = "lab"


class Place(Protocol):
    """A bucket."""
    scheme: str

    def objects(self, folder: str) -> dict[str, int]: ...
    def get(self, name: str) -> bytes: ...
    def put(self, name: str, data: bytes) -> None: ...
    def remove(self, name: str) -> None: ...


class S3:
    """The bucket `lab` of an S3 server."""
    scheme = "s3"

    def __init__(self, port: int) -> None:
        self.port = port
        self.client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}", aws_access_key_id="a",
                                   aws_secret_access_key="b", region_name="us-east-1")
        with suppress(self.client.exceptions.ClientError):
            self.client.create_bucket(Bucket=BUCKET)

    def objects(self, folder: str) -> dict[str, int]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=folder + "/")
        return {o["Key"].removeprefix(folder + "/"): o["Size"] for page in pages for o in page.get("Contents", [])}

    def get(self, name: str) -> bytes:
        return bytes(self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read())

    def put(self, name: str, data: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=name, Body=data)

    def remove(self, name: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=name)

    def uploads(self) -> int:
        """Objects that somebody began to put in parts."""
        return len(self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))


class Azure:
    """The container `lab` of Azurite."""
    scheme = "az"

    def __init__(self, port: int) -> None:
        self.port = port
        url = f"http://127.0.0.1:{port}/{servers.AZURE_ACCOUNT}"
        self.client = BlobServiceClient(url, credential=servers.AZURE_KEY).create_container(BUCKET)

    def objects(self, folder: str) -> dict[str, int]:
        blobs = self.client.list_blobs(name_starts_with=folder + "/")
        return {blob.name.removeprefix(folder + "/"): blob.size for blob in blobs}

    def get(self, name: str) -> bytes:
        return bytes(self.client.download_blob(name).readall())

    def put(self, name: str, data: bytes) -> None:
        self.client.upload_blob(name, data, overwrite=True)

    def remove(self, name: str) -> None:
        self.client.delete_blob(name)


def url(place: Place, folder: str) -> str:
    return f"{place.scheme}://{BUCKET}/{folder}"


def manifest(place: Place, folder: str) -> dict[str, Any]:
    return dict(json.loads(place.get(f"{folder}/manifest.json")))


def named(manifest: dict[str, Any]) -> dict[str, int]:
    """The files that a dataset's manifest names, with their sizes."""
    files = [file for table in manifest["tables"].values() for file in table["files"]]
    files += [recording["classes"] for recording in manifest["recordings"] if recording.get("classes")]
    return {file["path"]: file["bytes"] for file in files}


def leftovers(place: Place, folder: str) -> set[str]:
    """Objects that no manifest names; all that it names must be there, whole."""
    there = place.objects(folder)
    if "manifest.json" not in there:
        return set(there)
    wanted = named(manifest(place, folder))
    for name, size in wanted.items():
        assert there.get(name) == size, f"{folder}/{name}: {there.get(name)} bytes, not {size}"
    return set(there) - set(wanted) - {"manifest.json"}
