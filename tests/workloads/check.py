#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""check.py - what tests/workloads/run asks of files: check.py QUESTION ARGUMENT...

Exits with a traceback where the answer is no.
"""
import csv
import html.parser
import json
import os
import re
import sys
import xml.etree.ElementTree as tree

PHASES = ["clone", "stat", "stamp", "build", "stat2", "remove"]


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def calls(results, summary, run, phase):
    """Calls in CSV and JSON are those of memfs-trace summary --json, by operation too."""
    said = {row["op"]: row["calls"] for row in json.load(open(summary))["rows"]}
    in_csv = [row for row in rows_of(results + ".csv")
              if (row["run"], row["phase"], row["filesystem"]) == (run, phase, "memfs")]
    in_json = [row for row in json.load(open(results + ".json"))["rows"]
               if (row["run"], row["phase"], row["filesystem"]) == (int(run), phase, "memfs")]
    print(phase, said, in_csv, in_json)
    assert len(in_csv) == len(in_json) == 1
    assert sum(said.values()) > 0
    assert int(in_csv[0]["calls"]) == in_json[0]["calls"] == sum(said.values())
    assert in_json[0]["operations"] == said


def same_row(line, row):
    for key, value in line.items():
        if value == "":
            assert key not in row, (key, row)
        elif key.endswith("_s"):
            assert abs(float(value) - row[key]) < 1e-5, (key, row)
        else:
            assert value == str(row[key]), (key, row)
    assert ("operations" in row) == (row["filesystem"] == "memfs")


def record(results, on):
    """Parameters, machine, and the rows of the CSV."""
    file = json.load(open(results + ".json"))
    print(json.dumps({key: file[key] for key in file if key != "rows"}, indent=1))
    parameters, machine = file["parameters"], file["machine"]
    assert parameters["jobs"] == 2 and parameters["runs"] == 2
    assert parameters["verify"] is True
    assert [fs["name"] for fs in parameters["filesystems"]] == on.split(",")
    assert len(parameters["commits"]["tiny"][0]) == 40
    assert machine["cpus"] >= 1 and machine["memory_bytes"] > 0
    assert machine["kernel"] and machine["git"].startswith("git version")
    assert len(file["trees"]["tiny"]) == 32
    if "memfs" in on:
        assert machine["memfs"].startswith("memfs ")
        assert file["mount"]["cache"] == "always" and file["mount"]["transport"]
    lines = rows_of(results + ".csv")
    assert len(lines) == len(file["rows"])
    for line, row in zip(lines, file["rows"]):
        same_row(line, row)


def resumed(path, rows, times):
    """A record of a run that went on so many times; calls by operation are there of all parts."""
    file = json.load(open(path))
    assert len(file["rows"]) == int(rows)
    assert len(file["resumed"]) == int(times), file["resumed"]
    for row in file["rows"]:
        assert row["filesystem"] != "memfs" or \
            sum(row["operations"].values()) == row["calls"] > 0, row


def turn_of_samples(filesystem, rows):
    percents = [float(row["percent"]) for row in rows]
    seconds = [float(row["seconds"]) for row in rows]
    assert percents == sorted(percents) and percents[-1] == 100
    assert seconds == sorted(seconds) and seconds[0] >= 0
    order = [row["phase"] for i, row in enumerate(rows)
             if i == 0 or rows[i - 1]["phase"] != row["phase"]]
    assert order[-6:] == PHASES, order
    for row in rows:
        assert None not in row and None not in row.values(), row
        assert isinstance(int(row["cached_bytes"]) + int(row["shmem_bytes"]), int)
        if filesystem == "memfs":
            assert int(row["rss_bytes"]) >= int(row["pss_bytes"]) > 0
        else:
            assert row["rss_bytes"] == row["pss_bytes"] == ""
    if filesystem == "native":
        return  # others store on the disk too
    # The sample at the start of a phase is of what the one before has left.
    stored = {}
    for row in rows:
        stored.setdefault(row["phase"], int(row["stored_bytes"]))
    print(filesystem, stored)
    assert int(rows[0]["stored_bytes"]) == 0 < stored["stat"] < stored["stat2"]
    assert int(rows[-1]["stored_bytes"]) < stored["stat"]


def samples(path, turns):
    """One curve a turn; what is stored rises."""
    found = {}
    for row in rows_of(path):
        found.setdefault((row["project"], row["filesystem"], row["run"]), []).append(row)
    assert len(found) == int(turns), found.keys()
    for key, rows in found.items():
        turn_of_samples(key[1], rows)


def plots(where, *words):
    """Figures that gnuplot wrote, and a page that needs nothing else."""
    names = ["clone", "build", "stat", "stat2", "remove", "memory"]
    wanted = [f"{name}.{ending}" for name in names for ending in ("svg", "png")]
    assert sorted(os.listdir(where)) == sorted(wanted + ["index.html"])
    for name in names:
        root = tree.parse(f"{where}/{name}.svg").getroot()
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        text = "".join(root.itertext())
        assert all(word in text for word in words), text
        with open(f"{where}/{name}.png", "rb") as file:
            png = file.read()
        assert png[:8] == b"\x89PNG\r\n\x1a\n" and len(png) > 5000
    page = open(f"{where}/index.html").read()
    html.parser.HTMLParser().feed(page)
    assert page.count("<svg") == len(names)
    assert all(word in page for word in words + ("kernel",))
    # Nothing is fetched: no source, and no link but those inside the drawings.
    assert not re.search(r"<(script|link|img|iframe)|@import| src=", page)
    assert all(link.startswith("#") for link in re.findall(r"href=[\"']([^\"']*)", page))


def main():
    questions = {f.__name__: f for f in (calls, record, resumed, samples, plots)}
    questions[sys.argv[1]](*sys.argv[2:])


main()
