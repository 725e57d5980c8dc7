"""From a .env file to secrets and back, by the command line, against a house of its own."""

import json
import signal
import stat
import subprocess
import sys
import time

import pytest

ENV = """\
# a shop
PORT=8080
DB_HOST=db.example
DB_PASSWORD='plant-4f1c horse staple'
API_TOKEN=plant-77aa-token-of-somebody
SECOND_TOKEN=plant-77aa-token-of-somebody
DATABASE_URL=postgresql://shop:plant-9b%2Fx@db.example:5433/shop?sslmode=require
INTERNAL_URL=http://${DB_HOST}:${PORT}/
"""
PLANTED = ("plant-4f1c", "plant-77aa", "plant-9b")


@pytest.fixture
def env(tmp_path):
    path = tmp_path / ".env"
    path.write_text(ENV)
    return path


@pytest.fixture
def app(request):
    return f"shop-{abs(hash(request.node.name)) % 10**8}"


def test_a_plan_writes_nothing_and_shows_nothing(keystead_command, env, app, manager, ssm, tmp_path):
    done = keystead_command("import", ".env", "--app", app, "--output", "json")

    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert {name: row["kind"] for name, row in rows.items()} == {
        "PORT": "configuration", "DB_HOST": "configuration", "DB_PASSWORD": "secret", "API_TOKEN": "secret",
        "SECOND_TOKEN": "secret", "DATABASE_URL": "database", "INTERNAL_URL": "configuration",
    }  # fmt: skip  # a table
    assert not [planted for planted in PLANTED if planted in done.stdout + done.stderr]
    assert rows["PORT"]["target"] == f"/{app}/prod/PORT"
    assert {row["store"] for row in rows.values()} == {"Secrets Manager", "Parameter Store", "the reference file"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "home"]
    assert ssm.get_parameters_by_path(Path=f"/{app}", Recursive=True)["Parameters"] == []
    assert [one for one in manager.list_secrets()["SecretList"] if one["Name"].startswith(app)] == []


def test_a_program_that_reads_the_table_finds_each_row_whole(keystead_command, env, app):
    done = keystead_command("import", ".env", "--app", app)

    rows = [line for line in done.stdout.splitlines() if f"{app}/prod/DATABASE_URL" in line]
    assert len(rows) == 1
    assert "the URL of a database, with a password" in rows[0]
    assert "…" not in done.stdout


def test_applied_each_value_is_a_secret_and_a_second_run_changes_nothing(keystead_command, env, app, manager, tmp_path):
    first = keystead_command("import", ".env", "--app", app, "--apply", "--output", "json")
    second = keystead_command("import", ".env", "--app", app, "--apply", "--output", "json")

    outcomes = [{row["name"]: row["outcome"] for row in json.loads(done.stdout)} for done in (first, second)]
    made = {"DB_PASSWORD", "API_TOKEN", "DATABASE_URL", "PORT", "DB_HOST"}
    assert {name for name, outcome in outcomes[0].items() if outcome == "created"} == made
    assert {outcomes[1][name] for name in made} == {"unchanged"}
    database = json.loads(manager.get_secret_value(SecretId=f"{app}/prod/DATABASE_URL")["SecretString"])
    assert (database["engine"], database["password"], database["port"]) == ("postgres", "plant-9b/x", 5433)
    left = (tmp_path / ".env.ref").read_text()
    assert not [planted for planted in PLANTED if planted in left + first.stdout + first.stderr]
    assert env.read_text() == ENV


def test_a_value_that_has_changed_becomes_a_new_version(keystead_command, env, app, manager):
    keystead_command("import", ".env", "--app", app, "--apply")
    env.write_text(ENV.replace("plant-4f1c", "plant-4f1d"))

    done = keystead_command("import", ".env", "--app", app, "--apply", "--output", "json")

    assert {row["outcome"] for row in json.loads(done.stdout) if row["name"] == "DB_PASSWORD"} == {"updated"}
    assert manager.get_secret_value(SecretId=f"{app}/prod/DB_PASSWORD")["SecretString"].startswith("plant-4f1d")


def parameters(ssm, app):
    found = ssm.get_parameters_by_path(Path=f"/{app}", Recursive=True)["Parameters"]
    return {one["Name"]: (one["Type"], one["Value"], one["Version"]) for one in found}


def test_configuration_becomes_parameters_once(keystead_command, env, app, ssm, tmp_path):
    for _ in range(2):
        keystead_command("import", ".env", "--app", app, "--apply")

    assert parameters(ssm, app) == {
        f"/{app}/prod/PORT": ("String", "8080", 1), f"/{app}/prod/DB_HOST": ("String", "db.example", 1),
    }  # fmt: skip  # a table
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=f"/{app}/prod/PORT")["TagList"]
    assert {one["Key"]: one["Value"] for one in tags} == {"keystead-import:app": app, "keystead-import:env": "prod"}
    left = (tmp_path / ".env.ref").read_text()
    assert f"PORT=keystead:parameter:/{app}/prod/PORT" in left
    assert "INTERNAL_URL=http://${DB_HOST}:${PORT}/" in left


def test_configuration_that_the_file_changes_is_updated_and_what_others_changed_is_left(
    keystead_command, env, app, ssm
):
    keystead_command("import", ".env", "--app", app, "--apply")
    ssm.put_parameter(Name=f"/{app}/prod/DB_HOST", Value="elsewhere.example", Overwrite=True)
    env.write_text(ENV.replace("8080", "9090"))

    done = keystead_command("import", ".env", "--app", app, "--apply", "--output", "json")

    outcomes = {row["name"]: row["outcome"] for row in json.loads(done.stdout)}
    assert (outcomes["PORT"], outcomes["DB_HOST"]) == ("updated", "changed since, left alone")
    assert parameters(ssm, app) == {
        f"/{app}/prod/PORT": ("String", "9090", 2), f"/{app}/prod/DB_HOST": ("String", "elsewhere.example", 2),
    }  # fmt: skip  # a table


def test_configuration_goes_where_it_is_told_or_stays(keystead_command, env, app, ssm, tmp_path):
    keystead_command("import", ".env", "--app", app, "--apply", "--path", f"/{app}/settings/live/")
    assert set(parameters(ssm, app)) == {f"/{app}/settings/live/PORT", f"/{app}/settings/live/DB_HOST"}

    keystead_command("import", ".env", "--app", app, "--apply", "--config-in-file")

    assert "PORT=8080" in (tmp_path / ".env.ref").read_text()


@pytest.mark.parametrize("arguments", [["--app", "a@b"], ["--app", "aws-shop"], ["--app", "shop", "--path", "x"]])
def test_a_path_that_no_parameter_can_have_is_refused_before_anything_is_done(
    keystead_command, env, arguments, tmp_path
):
    done = keystead_command("import", ".env", *arguments, "--apply", check=False)

    assert done.returncode == 1
    assert "--path" in done.stderr
    assert not (tmp_path / ".env.ref").exists()


def test_what_parameter_store_cannot_hold_stays_in_the_file(keystead_command, env, app, ssm, tmp_path):
    env.write_text(f"EMPTY=\nLONG={'/x' * 3000}\nPORT=8080\n")

    keystead_command("import", ".env", "--app", app, "--apply", "--config", "LONG")

    assert set(parameters(ssm, app)) == {f"/{app}/prod/PORT"}
    had = json.loads(keystead_command("export", ".env.ref", "--format", "json").stdout)
    assert had == {"EMPTY": "", "LONG": "/x" * 3000, "PORT": "8080"}


def test_what_was_broken_off_goes_on(keystead_command, env, app, manager, ssm, tmp_path):
    """As though the first run had ended between two items."""
    keystead_command("import", ".env", "--app", app, "--apply")
    manager.delete_secret(SecretId=f"{app}/prod/DATABASE_URL", ForceDeleteWithoutRecovery=True)
    ssm.delete_parameter(Name=f"/{app}/prod/PORT")
    (tmp_path / ".env.ref").unlink()

    done = keystead_command("import", ".env", "--app", app, "--apply", "--output", "json")

    created = {row["name"] for row in json.loads(done.stdout) if row["outcome"] == "created"}
    assert created == {"DATABASE_URL", "PORT"}
    assert (tmp_path / ".env.ref").exists()


@pytest.mark.parametrize(
    ("document", "stores"),
    [
        ({"SecretValues": [{"Name": "old/prod/API_TOKEN", "SecretString": "plant-1"}]}, {"API_TOKEN": "Secrets Manager"}),
        (
            {"Parameters": [{"Name": "/old/api-token", "Type": "SecureString", "Value": "plant-1"},
                            {"Name": "/old/port", "Type": "String", "Value": "8080"}]},
            {"API_TOKEN": "Secrets Manager", "PORT": "Parameter Store"},
        ),
        ({"data": {"data": {"API_TOKEN": "plant-1"}, "metadata": {"version": 1}}}, {"API_TOKEN": "Secrets Manager"}),
    ],
    ids=["secrets manager", "parameter store", "vault"],
)  # fmt: skip  # a table
def test_exports_of_others_are_imported(keystead_command, app, tmp_path, document, stores):
    (tmp_path / "export.json").write_text(json.dumps(document))

    done = keystead_command("import", "export.json", "--app", app, "--apply", "--output", "json")

    assert {row["name"]: row["store"] for row in json.loads(done.stdout)} == stores
    had = json.loads(keystead_command("export", "export.json.ref", "--format", "json").stdout)
    assert had == {"API_TOKEN": "plant-1", "PORT": "8080"} if "PORT" in stores else {"API_TOKEN": "plant-1"}


def test_what_was_rotated_since_is_left_alone(keystead_command, env, app, manager):
    keystead_command("import", ".env", "--app", app, "--apply")
    manager.put_secret_value(SecretId=f"{app}/prod/DB_PASSWORD", SecretString="rotated")

    done = keystead_command("import", ".env", "--app", app, "--apply", "--output", "json")

    assert {row["outcome"] for row in json.loads(done.stdout) if row["name"] == "DB_PASSWORD"} == {
        "rotated since, left alone"
    }
    assert manager.get_secret_value(SecretId=f"{app}/prod/DB_PASSWORD")["SecretString"] == "rotated"


def test_values_in_the_history_of_git_are_to_be_rotated_and_the_file_is_ignored(keystead_command, env, app, tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=n@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    (tmp_path / "settings.py").write_text("password = 'plant-4f1c horse staple'\n")
    subprocess.run([*git, "add", "settings.py"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "first"], check=True)

    done = keystead_command("import", ".env", "--app", app, "--apply", "--output", "json")

    flagged = {row["name"] for row in json.loads(done.stdout) if "in git's history" in row["warnings"]}
    assert flagged == {"DB_PASSWORD"}
    assert (tmp_path / ".gitignore").read_text() == "/.env\n"


def test_the_same_value_in_another_application_is_told(keystead_command, env, app):
    keystead_command("import", ".env", "--app", f"{app}-one", "--apply")

    done = keystead_command("import", ".env", "--app", f"{app}-two", "--apply", "--output", "json")

    told = {row["name"]: row["warnings"] for row in json.loads(done.stdout)}
    assert f"the same value as {app}-one/prod/API_TOKEN" in told["API_TOKEN"]


def test_a_broken_file_is_told_by_line(keystead_command, env, app, tmp_path):
    env.write_text("A=1\nB='plant-4f1c\n")

    done = keystead_command("import", ".env", "--app", app, "--apply", check=False)

    assert done.returncode == 1
    assert "line 2" in done.stderr
    assert "plant" not in done.stdout + done.stderr
    assert not (tmp_path / ".env.ref").exists()


# Running


@pytest.fixture
def imported(keystead_command, env, app):
    keystead_command("import", ".env", "--app", app, "--apply", "--delete")
    assert not env.exists()
    return app


PRINT = "import json, os; print(json.dumps(dict(os.environ)))"


def test_a_program_has_the_same_names_and_values_as_before(keystead_command, imported):
    done = keystead_command("run", ".env.ref", "--", sys.executable, "-c", PRINT)

    had = json.loads(done.stdout)
    assert had["DB_PASSWORD"] == "plant-4f1c horse staple"
    assert had["DATABASE_URL"] == "postgresql://shop:plant-9b%2Fx@db.example:5433/shop?sslmode=require"
    assert had["INTERNAL_URL"] == "http://db.example:8080/"
    assert had["SECOND_TOKEN"] == had["API_TOKEN"] == "plant-77aa-token-of-somebody"


@pytest.mark.parametrize(
    ("arguments", "status"), [(["-c", "exit(7)"], 7), (["-c", "import os; os.kill(os.getpid(), 9)"], -9)]
)
def test_the_exit_status_is_the_programs_own(keystead_command, imported, arguments, status):
    assert keystead_command("run", ".env.ref", "--", sys.executable, *arguments, check=False).returncode == status


@pytest.mark.parametrize("watching", [[], ["--on-change", "restart"]])
def test_what_is_not_there_is_127(keystead_command, imported, watching):
    done = keystead_command("run", *watching, ".env.ref", "--", "no-such-program", check=False)

    assert done.returncode == 127


def test_a_secret_that_is_gone_stops_before_the_program_starts(keystead_command, imported, manager):
    manager.delete_secret(SecretId=f"{imported}/prod/API_TOKEN", ForceDeleteWithoutRecovery=True)

    done = keystead_command("run", ".env.ref", "--", sys.executable, "-c", "print('ran')", check=False)

    assert done.returncode == 1
    assert "ran" not in done.stdout
    assert "ResourceNotFoundException" in done.stderr


TELLING = """
import os, signal, sys, time
def told(number, frame):
    os.write(1, b"told %d\\n" % number)
    if number == signal.SIGTERM:
        sys.exit(3)
for number in (signal.SIGHUP, signal.SIGTERM):
    signal.signal(number, told)
print("started", os.environ["DB_PASSWORD"], flush=True)
while True:
    time.sleep(0.05)
"""


def started(environment, tmp_path, *options):
    command = [sys.executable, "-m", "keystead", "run", *options, ".env.ref", "--", sys.executable, "-c", TELLING]
    return subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


@pytest.mark.parametrize("options", [[], ["--on-change", "restart"]], ids=["become", "watch"])
def test_signals_reach_the_program(environment, tmp_path, imported, options):
    with started(environment, tmp_path, *options) as process:
        assert process.stdout.readline().startswith("started")
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == f"told {signal.SIGHUP}\n"
        process.send_signal(signal.SIGTERM)

        assert process.wait(20) == 3


def test_a_new_version_restarts_the_program_with_it(environment, tmp_path, imported, manager):
    with started(environment, tmp_path, "--on-change", "restart", "--every", "0.2") as process:
        assert process.stdout.readline() == "started plant-4f1c horse staple\n"
        manager.put_secret_value(SecretId=f"{imported}/prod/DB_PASSWORD", SecretString="new")

        assert process.stdout.readline() == f"told {signal.SIGTERM}\n"
        assert process.stdout.readline() == "started new\n"
        process.send_signal(signal.SIGTERM)


def test_a_parameter_that_changes_restarts_the_program_too(environment, tmp_path, imported, ssm):
    with started(environment, tmp_path, "--on-change", "restart", "--every", "0.2") as process:
        process.stdout.readline()
        ssm.put_parameter(Name=f"/{imported}/prod/PORT", Value="9090", Overwrite=True)

        assert process.stdout.readline() == f"told {signal.SIGTERM}\n"
        assert process.stdout.readline().startswith("started")
        process.send_signal(signal.SIGTERM)


def test_a_parameter_that_is_gone_stops_before_the_program_starts(keystead_command, imported, ssm):
    ssm.delete_parameter(Name=f"/{imported}/prod/PORT")

    done = keystead_command("run", ".env.ref", "--", sys.executable, "-c", "print('ran')", check=False)

    assert (done.returncode, "ran" in done.stdout) == (1, False)
    assert f"/{imported}/prod/PORT" in done.stderr


def test_a_new_version_is_told_by_the_signal_that_was_asked_for(environment, tmp_path, imported, manager):
    with started(environment, tmp_path, "--on-change", "SIGHUP", "--every", "0.2") as process:
        process.stdout.readline()
        manager.put_secret_value(SecretId=f"{imported}/prod/DB_PASSWORD", SecretString="new")

        assert process.stdout.readline() == f"told {signal.SIGHUP}\n"
        process.send_signal(signal.SIGTERM)


def test_no_value_stands_in_a_process_list(environment, tmp_path, imported):
    with started(environment, tmp_path, "--on-change", "restart") as process:
        process.stdout.readline()
        time.sleep(0.2)
        listed = subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
        process.send_signal(signal.SIGTERM)

    assert "keystead run" in listed or "-m keystead" in listed
    assert not [planted for planted in PLANTED if planted in listed.replace(TELLING, "")]


# The way back


def test_the_way_back_gives_what_was_there(keystead_command, imported, tmp_path):
    keystead_command("export", ".env.ref", "-o", "back.env")

    assert stat.S_IMODE((tmp_path / "back.env").stat().st_mode) == 0o600
    from dotenv import dotenv_values

    (tmp_path / "before.env").write_text(ENV)
    assert dotenv_values(tmp_path / "back.env") == dotenv_values(tmp_path / "before.env")


@pytest.mark.parametrize("form", ["json", "kubernetes"])
def test_other_forms_hold_the_same(keystead_command, imported, form):
    import base64

    done = json.loads(keystead_command("export", ".env.ref", "--format", form).stdout)

    values = done if form == "json" else {name: base64.b64decode(one).decode() for name, one in done["data"].items()}
    assert values["DB_PASSWORD"] == "plant-4f1c horse staple"
    assert values["PORT"] == "8080"
