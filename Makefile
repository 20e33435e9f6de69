# .ci/run runs lint, test, fuzz and more on a new machine.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT = github.com/rhysd/actionlint/cmd/actionlint@v1.7.7
GORELEASER = github.com/goreleaser/goreleaser/v2@v2.15.1
NFPM = github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
VERSITYGW = github.com/versity/versitygw/cmd/versitygw@v1.8.0
MINIO = github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c

.PHONY: build lint man release-files release-check snapshot rebuild release deb package check fuzz crash versitygw stores bench bench-docs

build: ## the program, stripped
	go build -trimpath -ldflags '-s -w -buildid=' -o jpsync .

lint: ## the linters are fetched and built when they are first needed
	go run $(STATICCHECK) ./...
	go run $(ACTIONLINT) -shellcheck= -pyflakes= examples/pipelines/github-actions*.yml .github/workflows/*.yml

man: ## the manual pages
	go run ./internal/manpages dist/man

release-files: man ## what packages have beside the program
	gzip -9nkf dist/man/jpsync.1 dist/man/jpsync.yaml.5
	mkdir -p dist/completions
	go build -o dist/completions/ .
	for shell in bash zsh fish; do dist/completions/jpsync completion $$shell > dist/completions/jpsync.$$shell || exit 1; done
	dist/completions/jpsync completion powershell > dist/completions/jpsync.ps1
	rm dist/completions/jpsync

dist/ca-certificates.crt: ## for the image
	mkdir -p dist
	cp -L /etc/ssl/certs/ca-certificates.crt $@

release-check: ## goreleaser takes minutes to build, the first time
	go run $(GORELEASER) check -q

snapshot: ## a release without image, SBOMs and signatures, into dist/release; nothing is published
	go run $(GORELEASER) release --snapshot --clean --skip=docker,sbom,sign

rebuild: ## the archives and packages of the tag that is checked out, to compare with the published ones
	go run $(GORELEASER) release --clean --skip=publish,docker,sbom,sign

release: ## publish the tag that is checked out; for .github/workflows/release.yml
	go run $(GORELEASER) release --clean

deb: export SOURCE_DATE_EPOCH = $(shell git log -1 --format=%ct)
deb: VERSION = 0.0.0-dev.g$(shell git rev-parse --short=12 HEAD)
deb: release-files ## a deb of the commit that is checked out, into dist, as a release has it
	CGO_ENABLED=0 GOOS=linux go build -trimpath -ldflags '-s -w -buildid= -X jpsync/internal/cli.Version=$(VERSION)' -o dist/jpsync .
	.ci/nfpm-config $(VERSION) > dist/nfpm.yaml
	go run $(NFPM) package -f dist/nfpm.yaml -p deb -t dist

package: ## a snapshot built twice, its deb installed and removed, its image run: for root on Debian
	.ci/package

check: lint ## what has to hold before a change goes in
	test -z "$$(gofmt -l .)"
	go vet ./...
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

versitygw: ## an S3 server for the tests, into go env GOPATH
	go install $(VERSITYGW)

stores: versitygw ## shared states on every server, MinIO too, which takes minutes to build
	go install $(MINIO)
	JPSYNC_TEST_STORES=all go test -count=1 ./state/s3 ./state/postgres
	JPSYNC_TEST_STORES=all go test -count=1 -v -run TestSharedState ./internal/crashtest

bench: ## the figures of docs/performance.md on this machine
	go run ./internal/benchtest

bench-docs: ## the same, into docs/performance.md
	go run ./internal/benchtest > docs/performance.md
