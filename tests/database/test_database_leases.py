"""Leases with fencing, over every engine: two nodes never do one job twice."""

import asyncio
import signal
import sys
import textwrap

import pytest
from sqlalchemy import func, select

from keystead.database import leases
from keystead.database.errors import Fenced
from keystead.database.tables import changes

WORKER = textwrap.dedent(
    """
    import asyncio, sys
    from sqlalchemy import func, select
    from keystead.database import leases
    from keystead.database.engine import Database
    from keystead.database.errors import Fenced
    from keystead.database.tables import changes

    async def main(url, holder, seconds, jobs):
        database = Database.open(url)
        done = []
        async def work():
            for number in range(jobs):
                job = f"job {number}"
                async with database.write() as tx:
                    found = select(func.count()).select_from(changes).where(changes.c.id == job)
                    if not (await tx.execute(found)).scalar_one():
                        tx.changed(holder, job)
                print("worked", flush=True)
                if sys.stdin.readline() == "":
                    return
        try:
            while not await leases.alone(database, "rotation", holder, seconds, work):
                await asyncio.sleep(0.01)
            print("done", flush=True)
        except Fenced:
            print("fenced", flush=True)
        await database.close()

    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])))
    """
)


async def write(database, what):
    async with database.write() as tx:
        tx.changed("job", what)


async def written(database):
    async with database.read() as connection:
        return (await connection.execute(select(changes.c.id).order_by(changes.c.seq))).scalars().all()


async def test_a_lease_is_taken_by_one(opened):
    async with opened() as database:
        assert await leases.take(database, "job", "one", 60) == ("job", "one", 1)

        assert await leases.take(database, "job", "other", 60) is None


async def test_leases_of_other_names_are_free(opened):
    async with opened() as database:
        await leases.take(database, "job", "one", 60)

        assert await leases.take(database, "another", "other", 60) is not None


async def test_a_lease_that_is_over_goes_to_the_next_with_a_greater_fence(opened):
    async with opened() as database:
        first = await leases.take(database, "job", "one", 0)

        second = await leases.take(database, "job", "other", 60)

        assert second.fence > first.fence


async def test_a_released_lease_is_free_at_once_and_its_fence_grows(opened):
    async with opened() as database:
        first = await leases.take(database, "job", "one", 60)

        await leases.release(database, first)

        second = await leases.take(database, "job", "other", 60)
        assert second.fence > first.fence


async def test_releasing_what_somebody_else_has_changes_nothing(opened):
    async with opened() as database:
        first = await leases.take(database, "job", "one", 0)
        second = await leases.take(database, "job", "other", 60)

        await leases.release(database, first)

        await leases.renew(database, second, 60)


async def test_a_holder_that_takes_again_fences_off_its_former_self(opened):
    async with opened() as database:
        first = await leases.take(database, "job", "one", 60)
        second = await leases.take(database, "job", "one", 60)

        with pytest.raises(Fenced):
            await leases.renew(database, first, 60)
        await leases.renew(database, second, 60)


async def test_a_lease_that_is_over_is_not_renewed(opened):
    async with opened() as database:
        lease = await leases.take(database, "job", "one", 0)

        with pytest.raises(Fenced):
            await leases.renew(database, lease, 60)


async def test_a_renewed_lease_lasts_longer(opened):
    async with opened() as database:
        lease = await leases.take(database, "job", "one", 0.5)

        await leases.renew(database, lease, 60)

        await asyncio.sleep(0.6)  # the database's clock is nobody's parameter
        assert await leases.take(database, "job", "other", 60) is None


async def test_a_write_under_a_lease_is_done(opened):
    async with opened() as database:
        lease = await leases.take(database, "job", "one", 60)

        with leases.under(database, lease):
            await write(database, "a")

        assert await written(database) == ["a"]


@pytest.mark.parametrize("taken_over", [False, True])
async def test_a_write_under_a_lease_that_is_over_is_refused(opened, taken_over):
    async with opened() as database:
        lease = await leases.take(database, "job", "one", 0)
        if taken_over:
            await leases.take(database, "job", "other", 60)

        with leases.under(database, lease), pytest.raises(Fenced):
            await write(database, "a")

        assert await written(database) == []
        await write(database, "outside")


async def test_a_job_whose_lease_is_lost_between_its_transactions_ends_there(opened):
    async with opened() as one, opened() as other:
        lease = await leases.take(one, "job", "one", 0.3)
        with leases.under(one, lease):
            await write(one, "first")
        await asyncio.sleep(0.4)  # the holder is paused; the database's clock goes on
        await leases.take(other, "job", "other", 60)

        with leases.under(one, lease), pytest.raises(Fenced):
            await write(one, "second")

        assert await written(one) == ["first"]


async def test_work_alone_is_renewed_and_released(opened):
    async with opened() as one, opened() as other:

        async def work():
            await asyncio.sleep(0.5)
            assert not await leases.alone(other, "job", "other", 60, unwanted)
            await write(one, "a")

        async def unwanted():
            raise AssertionError

        assert await leases.alone(one, "job", "one", 0.3, work)

        assert await written(one) == ["a"]
        assert await leases.take(other, "job", "other", 60) is not None


async def test_work_alone_that_fails_frees_the_lease(opened):
    async with opened() as database:

        async def work():
            raise LookupError

        with pytest.raises(LookupError):
            await leases.alone(database, "job", "one", 60, work)

        assert await leases.take(database, "job", "other", 60) is not None


async def test_work_that_lost_its_lease_is_cancelled(opened):
    async with opened() as database:
        cancelled = []

        async def work():
            await leases.take(database, "job", "one", 60)
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        with pytest.raises(Fenced):
            await leases.alone(database, "job", "one", 0.3, work)

        assert cancelled == [True]


async def start(url, holder, seconds, jobs):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-c", WORKER, url, holder, str(seconds), str(jobs)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def test_processes_that_compete_do_each_job_once(opened, url):
    async with opened() as database:
        processes = [await start(url, f"holder-{number}", 5, 20) for number in range(3)]
        outputs = await asyncio.gather(*(process.communicate(b"\n" * 20) for process in processes))

        assert [out.splitlines()[-1] for out, _ in outputs] == [b"done"] * 3
        assert sorted(await written(database)) == sorted(f"job {number}" for number in range(20))


async def test_a_process_that_was_paused_past_its_lease_cannot_commit(opened, url):
    async with opened() as database:
        paused = await start(url, "paused", 1, 3)
        assert await paused.stdout.readline() == b"worked\n"
        paused.send_signal(signal.SIGSTOP)

        successor = await start(url, "successor", 30, 3)
        out, _ = await successor.communicate(b"\n" * 3)
        paused.send_signal(signal.SIGCONT)
        late, _ = await paused.communicate(b"\n" * 3)

        assert out.splitlines()[-1] == b"done"
        assert late == b"fenced\n"
        async with database.read() as connection:
            rows = await connection.execute(select(changes.c.kind, func.count()).group_by(changes.c.kind))
            assert dict(rows.all()) == {"paused": 1, "successor": 2}
