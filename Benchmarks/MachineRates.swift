import Compute
import Foundation

/// What this machine can do at best: its matrix products, through the same library.
struct MachineRates {
  var bfloat16: Double
  var float32: Double

  /// Floating-point operations in a second.
  func rate(of compute: ComputeType) -> Double { compute == .bfloat16 ? bfloat16 : float32 }

  /// The mean rate of the three products of a linear layer of 4096 x 1024 x 3072.
  static func measure() -> MachineRates {
    MachineRates(bfloat16: measure(.bfloat16), float32: measure(.float32))
  }

  private static func measure(_ type: ComputeType) -> Double {
    let (rows, inputs, outputs) = (4096, 1024, 3072)
    let shapes = [
      ProductShape(m: rows, n: outputs, k: inputs, transposesB: true, input: type, output: type),
      ProductShape(m: rows, n: inputs, k: outputs, input: type, output: type),
      ProductShape(
        m: outputs, n: inputs, k: rows, transposesA: true, input: type, output: .float32),
    ]
    let operations = 2 * Double(rows) * Double(inputs) * Double(outputs)
    let seconds = shapes.map { (try? ProductTiming.seconds($0, repetitions: 9)) ?? .infinity }
    return 3 * operations / seconds.reduce(0, +)
  }

  var description: String {
    String(
      format: "matrix rate of this machine: bf16 %.0f GFLOP/s, f32 %.0f GFLOP/s", bfloat16 / 1e9,
      float32 / 1e9)
  }
}
