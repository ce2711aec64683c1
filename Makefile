# What can be done here: `make help`. Each target is one script in scripts/.
SHELL := /bin/bash
# rustup puts cargo here, and not every shell looks there.
export PATH := $(PATH):$(HOME)/.cargo/bin

.DEFAULT_GOAL := help
.PHONY: help run test check demo bench sqlx stop

help: ## Shows this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: ## Builds Parlance and runs it on servers of its own; prints what to try
	@scripts/run

test: ## Runs every test, on servers of its own
	@scripts/test

check: ## Format, lints, dependency directions, licences, documents
	@scripts/check

demo: ## Loads 258,145 real messages, images and files through the HTTP API and proves that all are there
	@scripts/setup rust postgres nats
	@# A whole corpus is sent at once, which no person may.
	@PARLANCE_MESSAGE_INTERVAL_MS=0 scripts/with-server var/demo scripts/demo/run

bench: ## Measures; docs/performance.md says how to read it
	@scripts/bench

sqlx: ## Writes .sqlx anew, after a query or a migration has changed
	@scripts/sqlx

stop: ## Stops every server that these targets started; their data stays
	@scripts/servers stop
