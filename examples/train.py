"""Trains a small model on the calls of requests, straight from the Parquet shards of a release.

Usage: train.py RELEASE [--steps 20] [--batch 16] [--workers 2]

The model reads a request's calls, each with its arguments, and learns to tell the next one. Requests come through a
DataLoader: its workers share the row groups of the training split, read the leaves of the nested column that the model
needs (and no others), a few requests at a time, and pad each batch to its longest request. Memory stays the same
however large the release is.

Needs pyarrow and torch; any version of the last years will do.
"""
import argparse
import glob
import os
import zlib

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

PAD, UNKNOWN = 0, 1
PATHS = 512      # buckets for file names
NUMBERS = 64     # buckets for numbers: sign and number of bits
LONGEST = 512    # calls of a request that are looked at
NESTED = "events.list.element."


def shards(release, split):
    """The shards of a split of `requests`, in folders by label or not."""
    found = sorted(glob.glob(os.path.join(release, "data/requests/**", f"{split}-*.parquet"), recursive=True))
    if not found:
        raise SystemExit(f"{release}: no shards of the split {split}; publish with --split hash")
    return found


def groups(release, split):
    """Every row group of a split, as (file, number)."""
    for path in shards(release, split):
        for group in range(pq.ParquetFile(path).num_row_groups):
            yield path, group


def batches(path, group, columns, rows):
    """Some leaves of the nested events of a row group: offsets of the requests, and one flat array per leaf."""
    file = pq.ParquetFile(path)
    there = {file.schema.column(i).path for i in range(len(file.schema))}
    leaves = [NESTED + c for c in columns if NESTED + c in there]
    for batch in file.iter_batches(batch_size=rows, row_groups=[group], columns=leaves):
        lists = batch.column("events")
        flat = lists.flatten()
        offsets = lists.offsets.to_pylist()
        offsets = [o - offsets[0] for o in offsets]
        values = {}
        for column in columns:
            if NESTED + column in there:
                values[column] = pc.struct_field(flat, column.split("."))
            else:
                values[column] = pa.nulls(len(flat))
        yield offsets, values


def vocabulary(release, split):
    """Names of calls in the training split, numbered; numbers 0 and 1 are padding and unknown names."""
    names = set()
    for path, group in groups(release, split):
        for _, values in batches(path, group, ["name"], 256):
            names.update(pc.unique(values["name"]).to_pylist())
    return {name: i + 2 for i, name in enumerate(sorted(names))}


def tensor(array):
    """An array of integers without nulls as a tensor."""
    array = array.cast(pa.int64())
    if len(array) == 0:
        return torch.zeros(0, dtype=torch.int64)
    whole = torch.frombuffer(array.buffers()[1], dtype=torch.int64)
    return whole[array.offset:array.offset + len(array)]


def coded(array, code):
    """Numbers for the values of an array, each different value coded once."""
    encoded = array.dictionary_encode()
    codes = pa.array([code(v) for v in encoded.dictionary.to_pylist()] + [0], pa.int64())
    null = len(encoded.dictionary)
    return codes.take(pc.fill_null(encoded.indices.cast(pa.int64()), null))


def bits(number):
    """A bucket for a number by its size; null is 0."""
    return min(1 + abs(number).bit_length() * 2 + (number < 0), NUMBERS - 1)


class Requests(IterableDataset):
    """The requests of a split: for each a tensor of (calls, features), which are name, exit, result, fd, size, path."""

    COLUMNS = ["name", "phase", "ret", "args.fd", "args.count", "args.filename"]

    def __init__(self, release, split, names):
        super().__init__()
        self.release, self.split, self.names = release, split, names

    def __iter__(self):
        worker = get_worker_info()
        number, of = (worker.id, worker.num_workers) if worker else (0, 1)
        parts = list(groups(self.release, self.split))
        # Each worker has row groups of its own; where there are too few, the workers take turns within them.
        alone = len(parts) >= of
        for path, group in parts[number::of] if alone else parts:
            for i, (offsets, values) in enumerate(batches(path, group, self.COLUMNS, 16)):
                if alone or i % of == number:
                    yield from self.requests(offsets, values)

    def requests(self, offsets, values):
        ret = values["ret"].cast(pa.int64())
        failed = pc.if_else(pc.less(ret, 0), 2, 1)
        features = [
            coded(values["name"], lambda name: self.names.get(name, UNKNOWN)),
            pc.equal(values["phase"], "exit").cast(pa.int64()),
            pc.fill_null(failed, 0),
            coded(values["args.fd"].cast(pa.int64()), bits),
            coded(values["args.count"].cast(pa.int64()), bits),
            coded(values["args.filename"].cast(pa.string()), lambda path: 1 + zlib.crc32(path.encode()) % (PATHS - 1)),
        ]
        calls = torch.stack([tensor(f) for f in features], dim=1)
        for begin, end in zip(offsets, offsets[1:]):
            if end - begin > 1:
                yield calls[begin:min(end, begin + LONGEST)]


class Model(torch.nn.Module):
    """Sums embeddings of what a call is, and reads the sequence with a GRU."""

    def __init__(self, names, width=48):
        super().__init__()
        sizes = [names, 2, 3, NUMBERS, NUMBERS, PATHS]
        self.embed = torch.nn.ModuleList(torch.nn.Embedding(n, width) for n in sizes)
        self.read = torch.nn.GRU(width, width, batch_first=True)
        self.tell = torch.nn.Linear(width, names)

    def forward(self, calls):
        width = sum(embed(calls[..., i]) for i, embed in enumerate(self.embed))
        return self.tell(self.read(width)[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("release")
    parser.add_argument("--split", default="train")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()

    torch.manual_seed(0)
    names = vocabulary(args.release, args.split)
    data = Requests(args.release, args.split, names)
    pad = lambda calls: pad_sequence(calls, batch_first=True, padding_value=PAD)
    loader = DataLoader(data, batch_size=args.batch, collate_fn=pad, num_workers=args.workers)
    model = Model(len(names) + 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loss_of = torch.nn.CrossEntropyLoss(ignore_index=PAD)

    step, losses = 0, []
    while step < args.steps:
        before = step
        for calls in loader:
            told = model(calls[:, :-1])
            loss = loss_of(told.flatten(0, 1), calls[:, 1:, 0].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            losses.append(loss.item())
            print(f"step {step:3}  {calls.shape[0]} requests of up to {calls.shape[1]} calls  loss {losses[-1]:.3f}")
            if step == args.steps:
                break
        if step == before:
            raise SystemExit("the split has no requests with calls")
    print(f"{len(names)} names; loss from {losses[0]:.3f} to {losses[-1]:.3f}")


if __name__ == "__main__":
    main()
