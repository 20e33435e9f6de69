# The recipes of the project; .ci/run runs check and then some.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT = github.com/rhysd/actionlint/cmd/actionlint@v1.7.7

.PHONY: build test lint check fuzz crash bench bench-docs benchmarks

build: ## the program, stripped
	go build -trimpath -ldflags '-s -w' -o jpsync .

test:
	go test ./...

lint: ## fetched and built when it is first needed
	go run $(STATICCHECK) ./...
	go run $(ACTIONLINT) -shellcheck= -pyflakes= examples/pipelines/github-actions.yml

check: ## what has to hold before a change goes in
	test -z "$$(gofmt -l .)"
	go vet ./...
	$(MAKE) lint
	go test -race ./...

# A number of runs (FUZZTIME=5000x) ends cleanly on a busy machine; a duration may end as "context deadline exceeded".
fuzz: ## each fuzz target for FUZZTIME
	@for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(or $(FUZZTIME),50000x) -fuzzminimizetime 100x $$pkg || exit 1; \
		done; \
	done

crash: ## kill, starve and interrupt real processes at every operation on their files
	CRASHTEST_FULL=1 go test -count=1 -v ./internal/crashtest

bench: ## jpsync side by side with bare loops, scripts and Terraform, as ratios
	go run ./internal/benchtest

bench-docs: ## the same, into docs/performance.md
	go run ./internal/benchtest -write docs

benchmarks: ## of single packages
	go test -run '^$$' -bench . -benchmem ./...
