"""Every lookup is a walk along an index that begins with what is asked for: its cost does not depend on how many events there are."""

import pytest
from sqlalchemy import event, text

from keystead.database.engine import Database
from keystead.trail import queries
from keystead.trail.queries import Wanted
from keystead.trail.terms import SEARCHED

PLACES = [None, (1_750_000_000, 7)]


async def plans(path, wanted: Wanted) -> list[str]:
    """What SQLite says of each statement of a page, by the schema as it is after every migration."""
    database = Database.open(f"sqlite:///{path}")
    await database.migrate()
    asked: list[tuple[str, tuple[object, ...]]] = []
    try:
        async with database.read() as connection:
            engine = connection.sync_connection
            event.listen(engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
            await queries.page(connection, wanted, 50)
            found = []
            for statement, parameters in tuple(asked):
                rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                found += [row.detail for row in rows]
            return found
    finally:
        await database.close()


@pytest.mark.parametrize("before", PLACES)
@pytest.mark.parametrize("names", [(), *((name,) for name in sorted(SEARCHED)), ("Error", "Username", "EventName")])
async def test_a_page_is_read_along_an_index_and_never_sorted(tmp_path, names, before):
    wanted = Wanted("111122223333", "us-east-1", tuple((name, "x") for name in names), 0, 2**40, before)

    found = await plans(tmp_path / "k.db", wanted)

    assert found
    assert not [plan for plan in found if "SCAN" in plan or "B-TREE" in plan]


async def test_the_plan_of_what_has_no_index_would_be_seen(tmp_path):
    """The test above can fail."""
    database = Database.open(f"sqlite:///{tmp_path / 'k.db'}")
    await database.migrate()
    async with database.read() as connection:
        rows = await connection.execute(text("EXPLAIN QUERY PLAN SELECT * FROM trail_blocks ORDER BY content"))
        found = [row.detail for row in rows]
    await database.close()

    assert any("SCAN trail" in plan for plan in found)
