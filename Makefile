# Few verbs. Each sets up first what it needs.
.PHONY: setup demo test quick check bench soak lock docs clean

BIN := .venv/bin
FOLDER ?=
SERVERS := postgresql mariadb-server redis-server softhsm2 gcc golang-go golang-golang-x-mod-dev curl

setup: .venv/installed

.venv/installed: requirements.lock pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh

demo: setup ## the main job before your eyes; FOLDER=path takes your own files
	@command -v initdb >/dev/null || sh scripts/debian.sh postgresql || true
	@$(BIN)/keystead demo $(FOLDER)

test: setup ## everything a fresh machine can run
	@sh scripts/debian.sh $(SERVERS) || true
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not alone"
	@$(BIN)/python -m pytest -q -m alone

quick: setup ## under a minute
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not slow and not whole and not alone"

check: setup ## lint, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: setup ## requests per second as ratios; results also in bench/latest.json
	@command -v wrk >/dev/null || sh scripts/debian.sh wrk
	@sh scripts/debian.sh $(SERVERS) || true
	@$(BIN)/python bench/run.py
	@$(BIN)/python bench/recording.py
	@$(BIN)/python bench/algorithms.py
	@$(BIN)/python bench/growth.py
	@$(BIN)/python bench/decisions.py
	@$(BIN)/python bench/secrets_growth.py
	@$(BIN)/python bench/rotation.py
	@$(BIN)/python bench/agent.py
	@command -v age >/dev/null || sh scripts/debian.sh age || true
	@$(BIN)/python bench/envelope.py

soak: setup ## long runs that CI leaves out
	@KEYSTEAD_SOAK=1 $(BIN)/python -m pytest -q -m slow

docs: setup ## regenerate what is generated
	@$(BIN)/python docs/generate.py

lock: setup ## pin the dependencies anew, with hashes
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --quiet -o requirements.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis .import_linter_cache
