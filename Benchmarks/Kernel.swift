import Foundation
import Tensors

/// One kernel on arrays larger than the caches, in bytes per second.
struct Kernel {
  var name: String
  /// Bytes that it must read and write at least, once each.
  var byteCount: Int
  /// The kernel on rows `begin ..< end` of ``rows``.
  var run: (_ begin: Int, _ end: Int) -> Void

  /// Tokens of a batch, and the columns of the Qwen3-0.6B block: hidden size and gate with up projection.
  static let rows = 4096
  static let hidden = 1024
  static let gate = 3072

  /// The kernels that pass over activations and weights while a block is tuned, in bf16, and over files.
  static func all(_ memory: KernelMemory) -> [(title: String, kernels: [Kernel])] {
    [
      ("passes over activations", activations(memory)),
      ("attention's softmax, pieces of 256 keys", attention(memory)),
      ("integers as weights, 4 bits", integerWeights(memory)),
      ("floats as weights", floatWeights(memory)),
      ("quantized inputs of layers", quantizedInputs(memory)),
      ("8-bit gradients", int8Gradients(memory)),
      ("reading and writing", files(memory)),
    ]
  }

  /// The rate, and its share of that of memory.
  func line(memoryRate: Double) -> String {
    let seconds = medianSeconds(repetitions: 7) { ThreadTeam.forRanges(of: Self.rows, run) }
    let rate = Double(byteCount) / seconds
    return "  " + name.padding(toLength: 34, withPad: " ", startingAt: 0)
      + String(format: "%6.1f GB/s  %4.0f %%", rate / 1e9, 100 * rate / memoryRate)
  }
}
