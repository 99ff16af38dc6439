"""Random SQL over a dataset gives in sysds what it gives in DuckDB: filters, joins, unions, groups, limits, one in another.

Usage: check_sql.py DATASET [SEED [QUERIES]]      (from the project's folder)

The engine's optimizer has rules that make wrong rows of what is rare (see src/query/sort_keys.rs). So what is tried here is
combinations, of few columns. All orders are total, so that a limit means the same rows in both.
"""
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

NUMBERS = {"events": ["event_id", "request_id", "cpu", "tid", "ret", "fd", "duration_ns"],
           "requests": ["request_id", "n_events", "duration_ns", "exchange", "tid"]}
TEXTS = {"events": ["name", "phase", "procname"], "requests": ["procname", "end_reason"]}


class Relation:
    """SQL with what its columns are: `n…` are numbers, `t…` texts."""

    def __init__(self, sql: str, columns: list[str]) -> None:
        self.sql, self.columns = sql, columns

    def kind(self, kind: str) -> list[str]:
        return [column for column in self.columns if column[0] == kind]


class Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.names = 0

    def name(self, kind: str) -> str:
        self.names += 1
        return f"{kind}{self.names}"

    def table(self) -> Relation:
        table = self.random.choice(["events", "requests", "requests"])
        numbers = self.random.sample(NUMBERS[table], 2)
        texts = self.random.sample(TEXTS[table], 1)
        columns = [(column, self.name("n")) for column in numbers] + [(column, self.name("t")) for column in texts]
        # Dictionaries are texts in DuckDB.
        chosen = ", ".join(f"{column} AS {name}" for column, name in columns)
        some = self.random.choice(["", " WHERE request_id % 7 = 3", f" WHERE {numbers[0]} IS NOT NULL", " WHERE request_id < 40"])
        return Relation(f"SELECT {chosen} FROM {table}{some}", [name for _, name in columns])

    def condition(self, columns: list[str], plain: bool = False) -> str:
        """One of some columns; `plain` has no subquery."""
        number = [column for column in columns if column[0] == "n"]
        text = [column for column in columns if column[0] == "t"]
        choices = [] if plain else [lambda: f"(SELECT count(*) FROM requests) > {self.random.choice([0, 1000000])}"]
        if number:
            a, b = self.random.choice(number), self.random.choice(number)
            value = self.random.choice([0, 1, 3, 10, 50, 1000, 100000, 10**7])
            choices += [lambda: f"{a} {self.random.choice(['<', '<=', '=', '<>', '>', '>='])} {value}",
                        lambda: f"{a} < {b}", lambda: f"{a} IS NULL", lambda: f"{a} IN (1, 3, {value})",
                        lambda: f"{a} % 3 = 1"]
        if number and not plain:
            choices += [lambda: f"{a} >= (SELECT avg(request_id) FROM requests)",
                        lambda: f"{a} IN (SELECT n_events FROM requests WHERE request_id < 20)",
                        lambda: f"EXISTS (SELECT 1 FROM requests AS q WHERE q.n_events = {a})"]
        if text:
            c = self.random.choice(text)
            choices += [lambda: f"{c} LIKE '%e%'", lambda: f"{c} IS NOT NULL", lambda: f"{c} > 'f'", lambda: f"{c} = 'read'",
                        lambda: f"{c} <> 'apache2'"]
        one = self.random.choice(choices)()
        if self.random.random() < 0.3:
            return f"({one} {self.random.choice(['AND', 'OR'])} {self.condition(columns, plain)})"
        return f"NOT ({one})" if self.random.random() < 0.1 else one

    def order(self, columns: list[str]) -> str:
        columns = self.random.sample(columns, len(columns))
        return ", ".join(f"{column} {self.random.choice(['ASC', 'DESC'])} NULLS {self.random.choice(['FIRST', 'LAST'])}"
                         for column in columns)

    def filtered(self, depth: int) -> Relation:
        of = self.relation(depth - 1)
        return Relation(f"SELECT * FROM ({of.sql}) AS f WHERE {self.condition(of.columns)}", of.columns)

    def limited(self, depth: int) -> Relation:
        of = self.relation(depth - 1)
        offset = self.random.choice(["", "", " OFFSET 3"])
        limit = self.random.choice([1, 2, 10, 100])
        return Relation(f"SELECT * FROM ({of.sql}) AS l ORDER BY {self.order(of.columns)} LIMIT {limit}{offset}", of.columns)

    def constant(self, depth: int) -> Relation:
        of, name = self.relation(depth - 1), self.name("n")
        return Relation(f"SELECT {self.random.choice([0, 1, 5])} AS {name}, c.* FROM ({of.sql}) AS c", [name, *of.columns])

    def united(self, depth: int) -> Relation:
        a, b = self.relation(depth - 1), self.relation(depth - 1)
        kinds = sorted(a.columns)
        pairs = []
        for kind in "nt":
            pairs += list(zip(a.kind(kind), b.kind(kind), strict=False))
        pairs = pairs or [(kinds[0], b.columns[0])]
        place, columns = self.name("n"), [(x, y, self.name(x[0])) for x, y in pairs if x[0] == y[0]]
        if not columns:
            return a
        one = ", ".join(f"{x} AS {z}" for x, _, z in columns)
        two = ", ".join(f"{y} AS {z}" for _, y, z in columns)
        how = self.random.choice(["UNION ALL", "UNION ALL", "UNION", "EXCEPT", "INTERSECT"])
        return Relation(f"SELECT 1 AS {place}, {one} FROM ({a.sql}) AS u {how} SELECT 2, {two} FROM ({b.sql}) AS v",
                        [place, *(z for _, _, z in columns)])

    def grouped(self, depth: int) -> Relation:
        of = self.relation(depth - 1)
        keys = self.random.sample(of.columns, self.random.choice([0, 0, 1, 1, 2]) if len(of.columns) > 1 else 0)
        figures, names = ["count(*)"], [self.name("n")]
        for column in of.kind("n"):
            figures.append(self.random.choice([f"sum({column})", f"min({column})", f"max({column})", f"count({column})",
                                               f"count(DISTINCT {column})",
                                               f"count(*) FILTER (WHERE {self.condition(of.columns, plain=True)})"]))
            names.append(self.name("n"))
        for column in of.kind("t"):
            figures.append(self.random.choice([f"min({column})", f"max({column})"]))
            names.append(self.name("t"))
        said = ", ".join([*keys, *(f"{figure} AS {name}" for figure, name in zip(figures, names, strict=True))])
        by = ", ".join(keys)
        how = f" GROUP BY {self.random.choice(['', '', 'ROLLUP '])}({by})" if keys else ""
        how = how.replace("BY (", "BY ").removesuffix(")") if how.startswith(" GROUP BY (") else how
        having = f" HAVING {self.random.choice(['count(*) > 2', self.condition(keys)])}" if self.random.random() < 0.4 else ""
        return Relation(f"SELECT {said} FROM ({of.sql}) AS g{how}{having}", [*keys, *names])

    def joined(self, depth: int) -> Relation:
        a, b = self.relation(depth - 1), self.relation(depth - 1)
        if not a.kind("n") or not b.kind("n"):
            return a
        on = f"a.{self.random.choice(a.kind('n'))} = b.{self.random.choice(b.kind('n'))}"
        if self.random.random() < 0.3:
            on += f" AND a.{self.random.choice(a.kind('n'))} < b.{self.random.choice(b.kind('n'))}"
        how = self.random.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])
        # Sides are small, so that rows do not multiply.
        side = "(SELECT * FROM ({0}) AS s ORDER BY {1} LIMIT 60)"
        left, right = side.format(a.sql, self.order(a.columns)), side.format(b.sql, self.order(b.columns))
        return Relation(f"SELECT a.*, b.* FROM {left} AS a {how} {right} AS b ON {on}", [*a.columns, *b.columns])

    def regrouped(self, depth: int) -> Relation:
        """Groups, or different rows, of a join with groups."""
        a, b = self.relation(depth - 1), self.relation(depth - 1)
        if not a.kind("n") or not b.kind("n"):
            return a
        key, on, other = self.random.choice(b.kind("n")), self.random.choice(a.kind("n")), self.random.choice(a.columns)
        names = [self.name("n"), self.name(other[0])]
        how = self.random.choice(["JOIN", "LEFT JOIN"])
        groups = f"SELECT {key} AS k, count(*) AS c FROM ({b.sql}) AS s GROUP BY {key}"
        join = f"FROM ({a.sql}) AS a {how} ({groups}) AS b ON a.{on} = b.k"
        if self.random.random() < 0.4:
            return Relation(f"SELECT DISTINCT b.k AS {names[0]}, a.{other} AS {names[1]} {join}", names)
        names.append(self.name("n"))
        return Relation(f"SELECT b.k AS {names[0]}, a.{other} AS {names[1]}, count(*) AS {names[2]} {join} GROUP BY b.k, a.{other}", names)

    def ranked(self, depth: int) -> Relation:
        of, name = self.relation(depth - 1), self.name("n")
        part = f"PARTITION BY {self.random.choice(of.columns)} " if self.random.random() < 0.6 else ""
        figure = self.random.choice(["row_number()", "rank()", "count(*)"])
        return Relation(f"SELECT w.*, {figure} OVER ({part}ORDER BY {self.order(of.columns)}) AS {name} FROM ({of.sql}) AS w",
                        [*of.columns, name])

    def distinct(self, depth: int) -> Relation:
        of = self.relation(depth - 1)
        columns = self.random.sample(of.columns, self.random.randint(1, len(of.columns)))
        return Relation(f"SELECT DISTINCT {', '.join(columns)} FROM ({of.sql}) AS d", columns)

    def relation(self, depth: int) -> Relation:
        if depth <= 0:
            return self.table()
        return self.random.choice([self.filtered, self.filtered, self.limited, self.constant, self.united, self.united,
                                   self.grouped, self.grouped, self.joined, self.regrouped, self.ranked, self.distinct])(depth)

    def query(self) -> str:
        of = self.relation(self.random.randint(1, 5))
        return f"SELECT * FROM ({of.sql}) AS q ORDER BY {self.order(of.columns)} LIMIT {self.random.choice([1, 5, 200])}"


def in_duckdb(dataset: Path, queries: list[str]) -> list[list[tuple]]:
    import duckdb

    database = duckdb.connect()
    for table in ("events", "requests"):
        database.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{dataset}/{table}/**/*.parquet')")
    return [[tuple(int(v) if isinstance(v, (int, bool)) else v for v in row) for row in database.execute(query).fetchall()]
            for query in queries]


def queries_of(seed: int, count: int) -> list[str]:
    return [Maker(seed * 1_000_000 + number).query() for number in range(count)]


def in_sysds(program: Path, dataset: Path, queries: list[str], *options: str) -> list[list[tuple] | str]:
    """The rows of each, or what was said where there are none."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(";\n".join(queries))
        script.flush()
        asked = subprocess.run([program, "query", "-d", dataset, "--format", "json", script.name, *options],
                               capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        if len(queries) == 1:
            return [asked.stderr]
        half = len(queries) // 2
        return [*in_sysds(program, dataset, queries[:half], *options), *in_sysds(program, dataset, queries[half:], *options)]
    decoder, at, answers = json.JSONDecoder(), 0, []
    while at < len(asked.stdout.rstrip()):
        rows, at = decoder.raw_decode(asked.stdout, at)
        at += 1
        answers.append([tuple(row.values()) for row in rows])
    return answers


def main(dataset: Path, seed: int = 1, count: int = 400) -> None:
    program = Path("target/release/sysds")
    queries = queries_of(seed, count)
    theirs, ours = in_duckdb(dataset, queries), in_sysds(program, dataset, queries)
    assert len(theirs) == len(ours) == count, (len(theirs), len(ours))
    # What the engine has not, it says; that is no wrong answer.
    without = [number for number in range(count) if isinstance(ours[number], str) and "not implemented" in ours[number]]
    wrong = [number for number in range(count) if theirs[number] != ours[number] and number not in without]
    for number in wrong[:5]:
        told = ours[number] if isinstance(ours[number], str) else f"{len(ours[number])} rows: {ours[number][:3]}"
        print(f"query {number}:\n{queries[number]}\n  DuckDB {len(theirs[number])} rows: {theirs[number][:3]}\n  sysds {told}",
              file=sys.stderr)
    some = sum(bool(rows) for rows in theirs)
    assert not wrong, f"{len(wrong)} of {count} differ"
    assert some > count // 2, f"only {some} have rows"
    assert len(without) < count // 20, f"{len(without)} are not implemented"
    print(f"{count} random queries (seed {seed}) give in sysds what they give in DuckDB; {some} give rows, {len(without)} need what sysds has not")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
