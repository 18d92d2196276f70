"""The object store, as pyarrow sees it. Addresses come from the environment (AWS_*,
MARQUEE_S3_BUCKET)."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from .errors import BatchError

TRIES = 5


@dataclass(frozen=True)
class StoreAddress:
    endpoint: str
    region: str
    access_key: str
    secret_key: str
    bucket: str

    @staticmethod
    def from_environment() -> "StoreAddress":
        return StoreAddress(
            endpoint=os.environ["AWS_ENDPOINT_URL"],
            region=os.environ["AWS_REGION"],
            access_key=os.environ["AWS_ACCESS_KEY_ID"],
            secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            bucket=os.environ["MARQUEE_S3_BUCKET"],
        )


class Store:
    def __init__(self, address: StoreAddress) -> None:
        self.address = address
        self.files = fs.S3FileSystem(
            endpoint_override=address.endpoint,
            region=address.region,
            access_key=address.access_key,
            secret_key=address.secret_key,
            connect_timeout=5,
            request_timeout=60,
            background_writes=False,
        )

    def place(self, path: str) -> str:
        return f"{self.address.bucket}/{path}"

    def get(self, path: str) -> bytes:
        """The object's bytes. Raises FileNotFoundError, or BatchError MARQUEE_STORE_UNAVAILABLE."""

        def read() -> bytes:
            with self.files.open_input_file(self.place(path)) as file:
                return file.read()

        return self.patiently(read, path)

    def put(self, path: str, data: bytes | pa.Buffer) -> None:
        def write() -> None:
            with self.files.open_output_stream(self.place(path)) as file:
                file.write(data)

        self.patiently(write, path)

    def put_table(self, path: str, table: pa.Table) -> None:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        self.put(path, sink.getvalue())

    def objects(self, prefix: str) -> list[str]:
        """Names of all objects under a prefix, without the bucket."""
        selector = fs.FileSelector(self.place(prefix), recursive=True, allow_not_found=True)
        found = self.patiently(lambda: self.files.get_file_info(selector), prefix)
        cut = len(self.address.bucket) + 1
        return sorted(info.path[cut:] for info in found if info.type == fs.FileType.File)

    def folders(self, prefix: str) -> list[str]:
        """Names of the folders right under a prefix."""
        selector = fs.FileSelector(self.place(prefix), recursive=False, allow_not_found=True)
        found = self.patiently(lambda: self.files.get_file_info(selector), prefix)
        return sorted(info.base_name for info in found if info.type == fs.FileType.Directory)

    def remove(self, path: str) -> None:
        """An object that is gone already is no matter."""
        try:
            self.patiently(lambda: self.files.delete_file(self.place(path)), path)
        except FileNotFoundError:  # also when an earlier try was heard, and its answer lost
            return

    def remove_folder(self, prefix: str) -> None:
        """All under a prefix, and the prefix's own marker."""
        try:
            self.patiently(lambda: self.files.delete_dir(self.place(prefix)), prefix)
        except FileNotFoundError:
            return

    def patiently(self, work: Callable[[], Any], path: str) -> Any:
        for attempt in range(TRIES):
            try:
                return work()
            except FileNotFoundError:
                raise
            except OSError as error:
                if "ACCESS_DENIED" in str(error) or "HTTP status 403" in str(error):
                    raise BatchError(
                        "MARQUEE_STORE_REFUSED",
                        f"the object store at {self.address.endpoint} refuses {path}: {error}. "
                        "Look at its keys (marquee config).",
                    ) from error
                if attempt == TRIES - 1:
                    raise BatchError(
                        "MARQUEE_STORE_UNAVAILABLE",
                        f"the object store at {self.address.endpoint} does not answer for {path}: "
                        f"{error}. Is it running? (marquee status)",
                    ) from error
                time.sleep(0.2 * 3**attempt)
        raise AssertionError
