.DEFAULT_GOAL := help
.PHONY: help build demo test bench accuracy lint format docs ci

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

build: ## Build .build/release/autoround
	Scripts/setup
	swift build -c release --product autoround

demo: ## Quantize the example model and measure what that costs
	Scripts/demo

test: ## Run all tests
	Scripts/test

bench: ## Time tuning against the machine's matrix rate; CASES="qwen3 example" chooses
	Scripts/setup
	swift build -c release --product benchmarks
	.build/release/benchmarks $(CASES)

accuracy: ## Measure every tuned scheme against the reference; writes docs/ACCURACY.md
	Scripts/accuracy

lint: ## Check the layout of the sources
	Scripts/lint

format: ## Lay out the sources
	Scripts/format

docs: ## Write the library's documentation to out/docs
	Scripts/docs

ci: ## Run what has to pass before a change is merged
	.ci/run
