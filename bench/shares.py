"""What each process spends on a call, and what a second worker can bring on so many cores.

A process's time is that of its threads, as the scheduler of the kernel has counted it (/proc/PID/task/TID/schedstat): it says
the same on a machine that does other things too, where requests per second do not.
"""

import os
import resource
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

GENERATOR: Final = "generator"
WORKER: Final = "worker"
OTHER: Final = "supervisor"
KINDS: Final = {
    "keystead.keyholder": "keyholder",
    "keystead.trail": "recorder",
    "worker": WORKER,
    "scheduler": "scheduler, index",
    "rotator": "rotator",
}
"""By the last word that names a program."""
ROWS: Final = (*dict.fromkeys((WORKER, *KINDS.values())), OTHER, GENERATOR)


def of_call(supervisor: int, load: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Microseconds of a call by kind of process, and how the calls were spread over the workers. `load` says `requests`."""
    before, mine = spent(supervisor), children()
    found = load()
    after, own = spent(supervisor), children() - mine
    calls = found["requests"]
    times = Counter({GENERATOR: own / calls})
    for process, (kind, microseconds) in after.items():
        times[kind] += (microseconds - before.get(process, (kind, 0.0))[1]) / calls
    workers = [
        microseconds - before[process][1]
        for process, (kind, microseconds) in after.items()
        if kind == WORKER and process in before
    ]
    return {
        "per_second": found["per_second"],
        "microseconds": {kind: round(times[kind], 1) for kind in ROWS},
        "busiest_worker": round(max(workers) / sum(workers), 3),
    }


def children() -> float:
    """Microseconds of all children that have ended: of the generator, between two looks."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) * 1e6


def spent(supervisor: int) -> dict[int, tuple[str, float]]:
    """(kind, microseconds) of a supervisor and each of its children."""
    family = [supervisor, *(process for process in running() if parent(process) == supervisor)]
    return {process: (kind(process), microseconds(process)) for process in family}


def running() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def parent(process: int) -> int:
    try:
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return 0


def kind(process: int) -> str:
    words = Path(f"/proc/{process}/cmdline").read_text().split("\0")[2:6]
    return next((KINDS[word] for word in reversed(words) if word in KINDS), OTHER)


def microseconds(process: int) -> float:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1000


def scaling(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    """What two workers are to one: measured; at most, where all processes share this machine's cores; and where only the
    workers keep each other waiting.
    """
    cores = os.cpu_count() or 1
    few, more = one["microseconds"], two["microseconds"]
    slowest = max(few[WORKER], sum(few.values()) / cores)
    return {
        "cores": cores,
        "measured": round(two["per_second"] / one["per_second"], 3),
        "at_most_on_these_cores": round(slowest / max(more[WORKER] / 2, sum(more.values()) / cores), 3),
        "with_cores_for_the_others": round(2 * few[WORKER] / more[WORKER], 3),
        "generator_share": round(more[GENERATOR] / sum(more.values()), 3),
        "busiest_worker": two["busiest_worker"],
    }


def show(one: dict[str, Any], two: dict[str, Any]) -> None:
    print(f"\n{'CPU microseconds of an Encrypt':<32}{'one worker':>12}{'two workers':>13}")
    for row in ROWS:
        print(f"{row:<32}{one['microseconds'][row]:>12.1f}{two['microseconds'][row]:>13.1f}")
    print(f"{'all':<32}{sum(one['microseconds'].values()):>12.1f}{sum(two['microseconds'].values()):>13.1f}")
    found = scaling(one, two)
    print(
        f"two workers are {found['measured']:.2f} times one; on {found['cores']} cores that all processes share they can be "
        f"{found['at_most_on_these_cores']:.2f}, of which the generator takes {found['generator_share']:.0%};\n"
        f"with cores for the others {found['with_cores_for_the_others']:.2f}. "
        f"The busier worker did {found['busiest_worker']:.0%} of the work.\n"
    )
