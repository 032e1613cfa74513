.DEFAULT_GOAL := help
.PHONY: help build demo test lint format docs ci

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

build: ## Build .build/release/autoround
	Scripts/setup
	swift build -c release --product autoround

demo: ## Quantize the example model and measure what that costs
	Scripts/demo

test: ## Run all tests
	Scripts/test

lint: ## Check the layout of the sources
	Scripts/lint

format: ## Lay out the sources
	Scripts/format

docs: ## Write the library's documentation to out/docs
	Scripts/docs

ci: ## Run what has to pass before a change is merged
	.ci/run
