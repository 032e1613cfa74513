import Foundation
import Tensors

// Measures the tuning iteration as a share of what this machine's matrix products can do, and says where
// the time goes.
//
//     make bench                       every case
//     make bench CASES="qwen3 example" the cases whose names contain one of these words
let words = CommandLine.arguments.dropFirst()
print("\(ThreadTeam.size) threads; rates and times are medians, taken in turn in one run")
for benchmark in TuningCase.all
where words.isEmpty || words.contains(where: { benchmark.name.contains($0) }) {
  for line in try benchmark.run() { print(line) }
}
