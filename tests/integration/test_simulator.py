"""meow-sim workflow, checked by a checker that has only the workflow and the timeline."""

from __future__ import annotations

import csv
import json
import os
import random
import statistics
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import BIN

CORES = (2, 8, 48)


def meow_sim(*arguments: str, verb: str = "workflow", check: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(BIN / "meow-sim"), verb, *arguments],
        check=False,  # with its words, below
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == check, done.stdout + done.stderr
    return done


def wfformat(runs: dict[str, float], edges: list[tuple[str, str]]) -> dict[str, Any]:
    """A WfFormat 1.5 document of tasks, their runs in seconds, and edges."""
    tasks = [
        {
            "name": name,
            "id": name,
            "parents": [a for a, b in edges if b == name],
            "children": [b for a, b in edges if a == name],
        }
        for name in runs
    ]
    executed = [{"id": name, "runtimeInSeconds": seconds} for name, seconds in runs.items()]
    return {
        "name": "made up",
        "schemaVersion": "1.5",
        "workflow": {"specification": {"tasks": tasks}, "execution": {"tasks": executed}},
    }


def microseconds(seconds: float) -> int:
    return int(seconds * 1e6 + 0.5)


def check(document: dict[str, Any], run: dict[str, Any]) -> float:
    """Every task once and as long as recorded, every edge respected, never more at once than cores, the bound
    right. The ratio of makespan and bound."""
    specification = document["workflow"]["specification"]["tasks"]
    recorded = {
        t["id"]: microseconds(t["runtimeInSeconds"]) for t in document["workflow"]["execution"]["tasks"]
    }
    spans = {s["task"]: (s["start_us"], s["end_us"]) for s in run["timeline"]}
    assert len(spans) == len(run["timeline"]) == len(specification), "every task once"
    paths: dict[str, int] = {}
    for task in sorted(specification, key=lambda t: spans[t["id"]]):
        start, end = spans[task["id"]]
        assert end - start == recorded[task["id"]], task["id"]
        for parent in task["parents"]:
            assert spans[parent][1] <= start, f"{task['id']} starts before {parent} has ended"
        paths[task["id"]] = recorded[task["id"]] + max((paths[p] for p in task["parents"]), default=0)
    changes = sorted(
        [(end, -1) for start, end in spans.values() if end > start]
        + [(start, 1) for start, end in spans.values() if end > start]
    )
    running = 0
    for _, change in changes:
        running += change
        assert running <= run["cores"]
    bound = max(*paths.values(), -(-sum(recorded.values()) // run["cores"]))
    makespan = max(end for _, end in spans.values())
    assert run["bound_us"] == bound and run["makespan_us"] == makespan
    return makespan / bound if bound else 1.0


def ratios(files: list[Path], order: str) -> list[float]:
    done = meow_sim(*map(str, files), "--cores", ",".join(map(str, CORES)), "--order", order, "--json", "-")
    documents = {f.name: json.loads(f.read_text()) for f in files}
    runs = json.loads(done.stdout)
    assert len(runs) == len(files) * len(CORES)
    return [check(documents[run["workflow"]], run) for run in runs]


@pytest.mark.parametrize("order", ["submission", "critical-path"])
def test_random_workflows_are_run_right(tmp_path: Path, order: str) -> None:
    dice = random.Random(1)
    files = []
    for number in range(12):
        names = [f"step_{i:03d}" for i in range(dice.randint(1, 60))]
        runs = {name: dice.choice([0, 0.25, dice.uniform(0.001, 90)]) for name in names}
        edges = [
            (names[a], names[b])
            for b in range(len(names))
            for a in range(b)
            if dice.random() < 2 / len(names)
        ]
        files.append(tmp_path / f"w{number}.json")
        files[-1].write_text(json.dumps(wfformat(runs, edges)))
    # Greedy schedules are never worse than twice the bound (Graham, 1966).
    assert max(ratios(files, order)) < 2


def test_recorded_workflows_are_near_the_bound() -> None:
    """The recorded workflows are not part of this repository: docs/scheduling.md says which they are."""
    folder = os.environ.get("CATTINO_WORKFLOWS", "")
    files = sorted(Path(folder).glob("*.json")) if folder else []
    if not files:
        pytest.skip("CATTINO_WORKFLOWS names no folder with workflows")
    for order, most in (("submission", 1.10), ("critical-path", 1.08)):
        found = ratios(files, order)
        assert sum(found) / len(found) <= most and max(found) <= 1.35, order


def test_the_longer_path_goes_first_when_asked(tmp_path: Path) -> None:
    runs = {"alone_1": 8.0, "alone_2": 8.0, "first": 1.0, "last": 9.0}
    file = tmp_path / "w.json"
    file.write_text(json.dumps(wfformat(runs, [("first", "last")])))
    plain = json.loads(meow_sim(str(file), "--cores", "2", "--json", "-").stdout)[0]
    better = json.loads(
        meow_sim(str(file), "--cores", "2", "--order", "critical-path", "--json", "-").stdout
    )[0]
    assert plain["makespan_us"] == 18_000_000 and better["makespan_us"] == 16_000_000


def test_a_run_can_be_drawn(tmp_path: Path) -> None:
    file, picture = tmp_path / "w.json", tmp_path / "w.svg"
    file.write_text(json.dumps(wfformat({"a<1": 1.0, "b_2": 2.0}, [("a<1", "b_2")])))
    meow_sim(str(file), "--cores", "1", "--svg", str(picture))
    text = picture.read_text()
    assert text.startswith("<svg") and text.count("<rect") == 2 and "a&lt;1: 0.0 s for 1.0 s" in text
    done = meow_sim(str(file), "--cores", "1,2", "--svg", str(picture), check=2)
    assert "one number of cores" in done.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "no JSON"),
        ("[]", "workflow.specification.tasks: expected a list"),
        (json.dumps(wfformat({"a": -1.0}, [])), "workflow.execution.tasks[0].runtimeInSeconds: expected"),
        (json.dumps(wfformat({"a": 1.0}, [("b", "a")])), "workflow.specification.tasks[0].parents: names"),
        (json.dumps(wfformat({"a": 1.0, "b": 1.0}, [("a", "b"), ("b", "a")])), "a cycle goes through"),
    ],
)
def test_a_bad_workflow_is_told_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    done = meow_sim(str(file), "--cores", "2", check=2)
    assert done.stdout == "" and done.stderr.startswith(str(file)) and complaint in done.stderr


def test_a_cluster_is_filled_by_each_policy(tmp_path: Path) -> None:
    nodes, pods = tmp_path / "nodes.csv", tmp_path / "pods.csv"
    nodes.write_text("sn,cpu_milli,memory_mib,gpu,model\n" + "n,64000,262144,8,X\n" * 20)
    pods.write_text(
        "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n"
        "a,4000,1000,1,1000\nb,2000,1000,1,450\nc,2000,1000,1,300\nd,8000,1000,4,1000\ne,4000,100,0,\n"
    )
    tables = ("--nodes", str(nodes), "--pods", str(pods), "--seeds", "3")
    done = json.loads(meow_sim(*tables, "--json", verb="trace").stdout)
    names = ["first-fit", "best-fit", "dot-product", "fgd", "cattino"]
    assert [r["placement"] for r in done] == [name for name in names for _ in range(3)]
    for result in done:
        assert result["gpus_milli"] == 160_000 and result["asked_milli"] >= 208_000
        assert 120_000 < result["allocated_milli"] <= 160_000
    drawn = {(r["seed"], r["asked_milli"], r["pods"]) for r in done}
    assert len(drawn) == 3, "each policy is given the same pods"
    table = meow_sim(*tables, "--placement", "fgd", verb="trace").stdout.splitlines()
    assert len(table) == 2 and table[1].startswith("fgd")


@pytest.mark.parametrize(
    ("pods", "complaint"),
    [
        (
            "cpu_milli,memory_mib,num_gpu,gpu_milli\n1,2,3,x\n",
            "pods.csv: line 2, gpu_milli: expected a number",
        ),
        ("a,b\n1,2\n", "pods.csv: line 2, cpu_milli: the column is missing"),
        ("cpu_milli,memory_mib,num_gpu,gpu_milli\n1,2,0,\n", "pods.csv: no pod asks for a GPU"),
    ],
)
def test_a_bad_table_is_told_with_its_place(tmp_path: Path, pods: str, complaint: str) -> None:
    (tmp_path / "nodes.csv").write_text("cpu_milli,memory_mib,gpu\n1000,1000,1\n")
    (tmp_path / "pods.csv").write_text(pods)
    tables = ("--nodes", str(tmp_path / "nodes.csv"), "--pods", str(tmp_path / "pods.csv"))
    done = meow_sim(*tables, verb="trace", check=2)
    assert complaint in done.stderr and done.stdout == ""


def test_the_recorded_cluster_is_filled_at_least_as_well_as_published() -> None:
    """With the tables that docs/scheduling.md names: GPUs allocated, in the mean of ten drawings."""
    folder = Path(os.environ.get("CATTINO_GPU_TRACE", "/nowhere"))
    if not folder.is_dir():
        pytest.skip("CATTINO_GPU_TRACE names no folder with the tables")
    published = {"default": (93.08, 95.39), "multigpu50": (95.74, 97.18)}
    for name, (best_fit, fgd) in published.items():
        tables = (
            "--nodes",
            str(folder / "openb_node_list_gpu_node.csv"),
            "--pods",
            str(folder / f"openb_pod_list_{name}.csv"),
        )
        means = {}
        for placement in ("best-fit", "cattino"):
            done = json.loads(meow_sim(*tables, "--placement", placement, "--json", verb="trace").stdout)
            assert len(done) == 10
            means[placement] = sum(100 * r["allocated_milli"] / r["gpus_milli"] for r in done) / 10
        assert abs(means["best-fit"] - best_fit) <= 0.7 and means["cattino"] >= fgd, (name, means)


def replay(folder: Path, *arguments: str, check: int = 0) -> subprocess.CompletedProcess[str]:
    nodes, pods = folder / "openb_node_list_gpu_node.csv", folder / "openb_pod_list_default.csv"
    return meow_sim("--nodes", str(nodes), "--pods", str(pods), *arguments, verb="replay", check=check)


def write_trace(folder: Path, pods: list[str]) -> None:
    """Four nodes with 8 cores and 2 GPUs each."""
    nodes = "sn,cpu_milli,memory_mib,gpu,model\n" + "n,8000,1000,2,X\n" * 4
    (folder / "openb_node_list_gpu_node.csv").write_text(nodes)
    header = "cpu_milli,memory_mib,num_gpu,gpu_milli,creation_time,scheduled_time,deletion_time"
    (folder / "openb_pod_list_default.csv").write_text("\n".join([header, *pods]) + "\n")


def test_a_trace_is_played_in_time(tmp_path: Path) -> None:
    second = 1_000_000
    write_trace(
        tmp_path,
        [
            "4000,10,2,1000,0,5,105",  # these four fill all nodes; runs count from scheduled_time
            "4000,10,2,1000,0,0,200",
            "4000,10,2,1000,0,0,300",
            "4000,10,2,1000,0,0,400",
            "1000,10,1,500,10,10,60",  # 5 to 7 have the first node at 100: two share a GPU
            "1000,10,1,500,10,10,60",
            "1000,10,1,500,20,20,50",
            "1000,10,2,1000,20,20,120",  # needs a whole node: when they have ended, at 150
            "8000,10,0,,30,,0",  # all cores of a node: at 200. Its run: the median of the others, 70 s
            "1000,10,1,1000,500,500,560",
            "1000,10,8,1000,500,500,570",  # no node has 8 GPUs
            "1000,10,1,1000,510,510,510",
        ],
    )
    result = json.loads(replay(tmp_path, "--json").stdout)
    waits = {s["pod"]: (s["start_us"] - s["submitted_us"]) / second for s in result["timeline"]}
    assert waits == {**dict.fromkeys((1, 2, 3, 4, 10, 12), 0), 5: 90, 6: 90, 7: 80, 8: 130, 9: 170}
    ends = {s["pod"]: s["end_us"] / second for s in result["timeline"]}
    assert ends[1] == 100 and ends[8] == 250 and ends[9] == 270 and ends[12] == 510
    assert result["usual_run_us"] == 70 * second and result["unknown_runs"] == 1
    assert result["refused"] == 1 and result["unfinished"] == 0
    assert result["makespan_us"] == 560 * second and result["gpu_use"] == pytest.approx(2325 / (8 * 560))
    assert result["waited"] == 5 and result["largest_queue"] == 5
    worst = 170 * second
    assert result["wait_us"] == {"mean": 560 * second // 11, "median": 0, "p95": worst, "worst": worst}
    assert result["events"] == 4 + 3 * 11, "hosts; submission, start and end of each pod"
    assert json.loads(replay(tmp_path, "--hosts", "1", "--json").stdout)["gpus"] == 2


@pytest.mark.parametrize(
    ("pod", "complaint"),
    [
        ("1,1,1,1000,0,5,4", "line 2, deletion_time: expected a number from 5"),
        ("1,1,1,1000,0,,0", "no pod says how long it ran"),
        ("1,1,1,1000", "line 2, creation_time: the column is missing"),
    ],
)
def test_a_trace_without_times_is_not_played(tmp_path: Path, pod: str, complaint: str) -> None:
    write_trace(tmp_path, [pod])
    done = replay(tmp_path, check=2)
    assert complaint in done.stderr and done.stdout == ""


def check_capacity(spans: list[dict[str, Any]], pods: list[dict[str, str]], node: dict[str, str]) -> None:
    """What runs on one node never exceeds its cores, memory, or any of its GPUs."""
    changes = []
    for span in spans:
        pod = pods[span["pod"] - 1]
        number = int(pod["num_gpu"])
        assert len(set(span["devices"])) == number
        claim = {"cpu_milli": int(pod["cpu_milli"]), "memory_mib": int(pod["memory_mib"])}
        claim.update({str(d): int(pod["gpu_milli"]) if number == 1 else 1000 for d in span["devices"]})
        changes += [(span["start_us"], 1, claim), (span["end_us"], -1, claim)]
    room = {"cpu_milli": int(node["cpu_milli"]), "memory_mib": int(node["memory_mib"])}
    room.update({str(device): 1000 for device in range(int(node["gpu"]))})
    for _, sign, claim in sorted(changes, key=lambda change: change[:2]):
        for what, amount in claim.items():
            room[what] -= sign * amount
            assert room[what] >= 0


@pytest.mark.parametrize("hosts", [1213, 30, 16])
def test_the_recorded_trace_is_played_to_its_end(hosts: int) -> None:
    """With the tables that docs/scheduling.md names, checked from tables and timeline alone."""
    folder = Path(os.environ.get("CATTINO_GPU_TRACE", "/nowhere"))
    if not folder.is_dir():
        pytest.skip("CATTINO_GPU_TRACE names no folder with the tables")
    with (folder / "openb_node_list_gpu_node.csv").open() as file:
        nodes = list(csv.DictReader(file))[:hosts]
    with (folder / "openb_pod_list_default.csv").open() as file:
        pods = list(csv.DictReader(file))
    result = json.loads(replay(folder, "--hosts", str(hosts), "--json").stdout)
    spans = result["timeline"]
    large = sum(int(pod["num_gpu"]) > max(int(node["gpu"]) for node in nodes) for pod in pods)
    assert len({span["pod"] for span in spans}) == len(spans) == len(pods) - result["refused"]
    assert result["unfinished"] == 0 and result["refused"] == large
    runs = [
        int(pod["deletion_time"]) - int(pod["scheduled_time"]) if pod["scheduled_time"] else None
        for pod in pods
    ]
    usual = statistics.median(run for run in runs if run is not None)
    for span in spans:
        pod, run = pods[span["pod"] - 1], runs[span["pod"] - 1]
        assert span["start_us"] >= span["submitted_us"] == int(pod["creation_time"]) * 1_000_000
        assert span["end_us"] - span["start_us"] == (usual if run is None else run) * 1_000_000
    for number, node in enumerate(nodes):
        check_capacity([span for span in spans if span["host"] == number], pods, node)


def used(run: dict[str, Any], since: int, until: int) -> float:
    """The share of the devices' time that tasks other than the one in question used."""
    spent = sum(
        max(0, min(span["end_us"], until) - max(span["start_us"], since)) * len(span["devices"])
        for span in run["timeline"]
        if span["task"] != run["task"]
    )
    return spent / (until - since) / run["devices"]


def check_stream(run: dict[str, Any]) -> None:
    """No device is used twice at once, nothing starts before it came, runs and limits are as described."""
    spans = run["timeline"]
    for device in range(run["devices"]):
        ends = 0
        for span in (s for s in spans if device in s["devices"]):
            assert span["start_us"] >= ends
            ends = span["end_us"]
    for span in spans:
        gang = span["task"] == run["task"]
        assert len(span["devices"]) == (run["devices"] if gang else 1)
        length = span["end_us"] - span["start_us"]
        assert 30_000_000 <= length <= 600_000_000
        assert span["limit_us"] == (length * 6 // 5 if run["limits"] else 0)
        assert span["submitted_us"] <= span["start_us"]


@pytest.mark.parametrize("limits", [True, False])
def test_a_task_for_all_devices_does_not_starve(limits: bool) -> None:
    """The bound from the timeline alone: once all submitted before it have started it is the first that
    waits; then room is kept for it (without time limits, not before ten minutes), and what runs at that
    moment ends by its limit. Backfill must not delay it, and must keep the devices busy."""
    flags = ["--limits"] if limits else []
    runs = json.loads(meow_sim("--json", *flags, verb="starvation").stdout)
    assert [(r["policy"], r["seed"]) for r in runs] == [
        (policy, seed) for policy in ("fifo", "none", "cattino") for seed in range(1, 11)
    ]
    shares = []
    for run in runs:
        check_stream(run)
        comes, started = run["submitted_us"], run["started_us"]
        assert comes == 600_000_000
        if run["policy"] == "none":
            assert started is None and run["reserved_us"] is None
            day = comes + 24 * 3600 * 1_000_000
            assert used(run, comes, day) > 0.999
            assert len(run["timeline"]) > 3000, "while thousands that came later ran"
            continue
        first = max(s["start_us"] for s in run["timeline"] if s["task"] < run["task"])
        reserved = first if limits else max(first, comes + 600_000_000)
        bound = max(
            s["start_us"] + s["limit_us"] if limits else s["end_us"]
            for s in run["timeline"]
            if s["start_us"] <= reserved < s["end_us"]
        )
        assert started is not None and started <= bound
        if run["policy"] == "cattino":
            assert run["reserved_us"] == reserved and run["bound_us"] == bound
            shares.append(used(run, comes, started))
            assert abs(shares[-1] - run["used"]) < 1e-9
    if limits:
        assert min(shares) >= 0.85 and sum(shares) / len(shares) >= 0.95


def test_starvation_is_shown_side_by_side() -> None:
    table = meow_sim("--limits", "--seeds", "2", verb="starvation").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["POLICY", "fifo", "none", "cattino"]
    assert "0 of 2" in table[2] and "> 1 d" in table[2] and "2 of 2" in table[3]
