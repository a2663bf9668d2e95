"""Brings the `cases` of requirements.toml and attacks.toml up to date; the rest of the files is kept.

    cargo run -p procura-conformance -- run --list --json | python3 tools/requirements.py

A row that nothing names keeps its `untested` reason, and every row its `tests`, which are written by
hand; if a row has none of the three, the script says so and changes nothing. `--from FILE` starts requirements.toml from a JSON list instead of the file itself.
"""

import json
import pathlib
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIELDS = {"requirement": ["id", "spec", "section", "level", "text"], "attack": ["id", "text", "beyond"]}


def named():
    """Row id → cases that name it; the vectors of one kind count as one case."""
    rows = {}
    for line in sys.stdin:
        case = json.loads(line)
        for row in case["covers"]:
            rows.setdefault(row, []).append(case["id"])
    for file in sorted((ROOT / "vectors").glob("*.json")):
        for vector in json.loads(file.read_text()).get("vectors", []):
            for row in vector["rules"] + vector["attacks"]:
                name = vector["kind"] + "/*"
                if name not in rows.setdefault(row, []):
                    rows[row].append(name)
    return rows


def read(name, table):
    if "--from" in sys.argv and table == "requirement":
        given = json.loads(pathlib.Path(sys.argv[sys.argv.index("--from") + 1]).read_text())
        return [{**row, "text": row.get("text") or row["requirement"]} for row in given]
    return tomllib.loads((ROOT / name).read_text())[table]


def write(name, table, rows, cases):
    head = (ROOT / name).read_text().split("[[", 1)[0] if (ROOT / name).exists() else ""
    parts = []
    for row in rows:
        lines = [f"[[{table}]]"] + [f"{field} = {quoted(row[field])}" for field in FIELDS[table] if field in row]
        if row["id"] in cases:
            lines.append(listed("cases", cases[row["id"]]))
        if row.get("tests"):
            lines.append(listed("tests", row["tests"]))
        if row["id"] not in cases and not row.get("tests"):
            lines.append(f"untested = {quoted(row['untested'])}")
        parts.append("\n".join(lines))
    (ROOT / name).write_text(head + "\n\n".join(parts) + "\n")


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def listed(key, names):
    line = f"{key} = [" + ", ".join(map(quoted, names)) + "]"
    if len(line) <= 120:
        return line
    return f"{key} = [\n" + "".join(f"    {quoted(name)},\n" for name in names) + "]"


def main():
    cases = named()
    lists = {"requirements.toml": "requirement", "attacks.toml": "attack"}
    rows = {name: read(name, table) for name, table in lists.items()}
    known = {row["id"]: row for name in rows for row in rows[name]}
    wrong = [f"{row}: no such row, named by {cases[row][0]}" for row in cases if row not in known]
    bare = lambda row: row not in cases and not known[row].get("tests") and not known[row].get("untested")
    wrong += [f"{row}: no case, no test and no reason" for row in known if bare(row)]
    if wrong:
        sys.exit("\n".join(wrong))
    for name, table in lists.items():
        write(name, table, rows[name], cases)


main()
