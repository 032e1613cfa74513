import Foundation
import Tensors

// Measures the tuning iteration as a share of what this machine's matrix products can do, and says where
// the time goes.
//
//     make bench                       every case
//     make bench CASES=kernels         the passes over memory alone, against the memory's own rate
//     make bench CASES="qwen3 example" the cases whose names contain one of these words
let words = CommandLine.arguments.dropFirst()
print("\(ThreadTeam.size) threads; rates and times are medians, taken in turn in one run")
for benchmark in TuningCase.all
where words.isEmpty || words.contains(where: { benchmark.name.contains($0) }) {
  for line in try benchmark.run() { print(line) }
}
if words.isEmpty || words.contains("kernels") {
  let memory = MemoryRate()
  print("")
  print(String(format: "kernels in bf16; memory %.1f GB/s", memory.perSecond / 1e9))
  for kernel in KernelCase.all(KernelMemory()) {
    print(kernel.line(memoryRate: memory.perSecond))
  }
}
