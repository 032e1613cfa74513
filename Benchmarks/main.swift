import Foundation
import Tensors

// Measures the tuning iteration as a share of what this machine's matrix products can do, and says where
// the time goes.
//
//     make bench                        everything but `quality`
//     make bench CASES=kernels          the passes over memory alone, against the memory's own rate
//     make bench CASES="qwen3 example"  the cases whose names contain one of these words
//     make bench CASES=quality          losses of blocks of real shapes under options that save work
let words = Array(CommandLine.arguments.dropFirst())
let kernels = "kernels"
let names = TuningCase.all.map(\.name) + [kernels, EvaluationCase.name, QualityCase.name]
for word in words where !names.contains(where: { $0.contains(word) }) {
  FileHandle.standardError.write(
    Data(
      "benchmarks: nothing is called '\(word)'; there is \(names.joined(separator: ", "))\n".utf8))
  exit(64)
}
func isAsked(_ name: String) -> Bool { words.contains { name.contains($0) } }

print("\(ThreadTeam.size) threads; rates and times are medians, taken in turn in one run")
if words.isEmpty {
  print("")
  print("matrix rates in GFLOP/s: the mean of a layer's three products")
  for line in try MatrixRate.table([
    (.example, 4096), (.qwen3, 4096), (.qwen3, 8192), (.qwen35, 4096), (.llama1B, 4096),
    (.llama8B, 512),
  ]) { print(line) }
}
for benchmark in TuningCase.all where words.isEmpty || isAsked(benchmark.name) {
  for line in try benchmark.run() { print(line) }
}
if words.isEmpty || isAsked(kernels) {
  let memory = MemoryRate()
  print("")
  print(String(format: "kernels in bf16; memory %.1f GB/s", memory.perSecond / 1e9))
  for (title, kernels) in Kernel.all(KernelMemory()) {
    print(" \(title)")
    for kernel in kernels { print(kernel.line(memoryRate: memory.perSecond)) }
  }
}
if words.isEmpty || isAsked(EvaluationCase.name) {
  for line in try EvaluationCase.run() { print(line) }
}
if isAsked(QualityCase.name) { try QualityCase.run { print($0) } }
