.DEFAULT_GOAL := help
PREFIX ?= /usr/local
.PHONY: help build install package demo test bench files peer accuracy readers gguf runtimes families plan busy recipes resume faults fuzz memory experts lint format docs ci

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

build: ## Build .build/release/autoround and its manual page
	Scripts/setup
	swift build -c release --product autoround
	Scripts/stamp .build/release/autoround
	Scripts/manual .build/release/autoround .build

install: ## Install what `make build` has built; PREFIX=/usr/local
	Scripts/install .build/release/autoround .build/autoround.1 "$(DESTDIR)$(PREFIX)"

package: ## Make an archive with a program that needs no Swift where it runs, in out/
	Scripts/package

demo: ## Quantize the example model and measure what that costs
	Scripts/demo

test: ## Run all tests
	Scripts/test

bench: ## Time tuning against the machine's matrix rate; CASES="qwen3 example" chooses
	Scripts/setup
	swift build -c release --product benchmarks
	.build/release/benchmarks $(CASES)

files: ## Time what passes over files: reading, rounding, checking, converting; takes 8 GB of disk
	Scripts/measure-files

peer: ## Time runs and iterations beside auto-round, which is installed with pip; PAIRS=3
	Scripts/compare-peer $(or $(PAIRS),3)

accuracy: ## Measure every tuned scheme against the reference; writes docs/ACCURACY.md
	Scripts/accuracy

readers: ## Load checkpoints of every scheme with transformers, which is installed with pip, and compare perplexities
	Scripts/check-transformers

gguf: ## Say what files of llama.cpp lose, rounded and tuned; TYPES="q2_k q4_0"
	Scripts/gguf-quality $(TYPES)

runtimes: ## Load checkpoints of all formats with the programs that run them, and compare perplexities; downloads gigabytes
	Scripts/check-runtimes

families: ## Quantize the tiny model of every family, check it, compare with transformers; writes docs/READERS.md
	Scripts/check-families

recipes: ## Run the recipes of LLM Compressor's examples on small models; writes docs/RECIPES.md
	Scripts/check-recipes

plan: ## Compare what `autoround plan` says with what a run takes; nothing else should run
	Scripts/check-plan

busy: ## Compare runs on all threads and on one while other processes compute; RUNS=3
	Scripts/check-busy $(or $(RUNS),3)

resume: ## End runs by force at random moments and go on; COUNT=100
	Scripts/check-resume $(or $(COUNT),100)

faults: ## Let every change of a file fail, and see what a run makes of it
	Scripts/check-write-faults

fuzz: ## Try parsers with damaged inputs; RUNS=1000000 SEED=1 PARSERS="recipe journal"
	Scripts/fuzz $(or $(RUNS),1000000) $(or $(SEED),1) $(PARSERS)

memory: ## Measure the memory of a run on a model of 8 billion weights; takes 30 GB of disk
	Scripts/check-memory

experts: ## Measure the memory of a block of 128 experts, of Qwen3-30B-A3B's and 235B-A22B's shape
	Scripts/check-expert-memory $(CASE)

lint: ## Check the layout of the sources
	Scripts/lint

format: ## Lay out the sources
	Scripts/format

docs: ## Write the library's documentation to out/docs
	Scripts/docs

ci: ## Run what has to pass before a change is merged
	.ci/run
