import Foundation

// Measures the tuning iteration and its kernels as shares of what this machine can do.
//
//     make bench                          every case
//     make bench ARGUMENTS="qwen3-0.6b"   the cases whose name contains a word
let filter = CommandLine.arguments.dropFirst().first
let machine = MachineRates.measure()
print(machine.description)
for benchmark in TuningCase.all where filter.map({ benchmark.name.contains($0) }) ?? true {
  print(try benchmark.run(on: machine))
}
