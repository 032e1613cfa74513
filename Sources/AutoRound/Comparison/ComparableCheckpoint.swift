import Checkpoints
import Diagnostics
public import Foundation
import JSONText
import Quantization
import Tensors

/// A checkpoint whose tensors can be read as numbers under the names that a model gives them, whatever
/// its architecture.
struct ComparableCheckpoint {
  private let checkpoint: Checkpoint
  private let quantized: DequantizedCheckpoint?
  /// The names of all tensors; those of a quantized layer are one, its weight.
  let names: Set<String>

  private static let weights = [".weight_packed", ".weight_scale"]
  private static let parts = [
    ".weight_packed", ".weight_scale", ".weight_zero_point", ".weight_shape",
    ".weight_global_scale", ".weight_g_idx",
  ]

  init(opening folder: URL) throws {
    checkpoint = try Checkpoint(opening: folder)
    let all = checkpoint.tensorNames
    let layers = Set(
      all.flatMap { name in
        Self.weights.filter { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) }
      })
    guard !layers.isEmpty, checkpoint.configuration["quantization_config"] != nil else {
      quantized = nil
      names = Set(all)
      return
    }
    quantized = try DequantizedCheckpoint(
      checkpoint, modules: layers.sorted().map { ModuleDescription(name: $0, shape: []) })
    names = Set(
      all.map { name in
        for part in Self.parts where name.hasSuffix(part) {
          let layer = String(name.dropLast(part.count))
          if layers.contains(layer) { return layer + ".weight" }
        }
        return name
      })
  }

  private func scheme(of name: String) -> QuantizationScheme? {
    guard name.hasSuffix(".weight") else { return nil }
    return quantized?.schemes[String(name.dropLast(".weight".count))]
  }

  /// How a tensor is stored, in words.
  func storage(of name: String) -> String? {
    if let arguments = scheme(of: name)?.weights { return arguments.text }
    return checkpoint.info(name).map { "\($0.dtype.rawValue) \($0.shape)" }
  }

  /// A tensor's shape and numbers; nil for elements that are not floating-point.
  func numbers(of name: String) throws -> (shape: [Int], values: [Float])? {
    if scheme(of: name) != nil, let quantized {
      let weight = try quantized.weight(named: name)
      return (weight.shape, weight.floats())
    }
    let tensor = try checkpoint.tensor(name)
    guard tensor.dtype.isFloatingPoint else { return nil }
    return (tensor.shape, tensor.floats())
  }

  /// The bytes of a tensor that is stored as it is.
  func bytes(of name: String) throws -> [UInt8] {
    try checkpoint.tensor(name).withUnsafeBytes { Array($0) }
  }
}

extension CheckpointDifference {
  /// Compares two checkpoints tensor by tensor; no more than one of either is in memory at a time.
  ///
  /// - Throws: `InputError` for what is no checkpoint, or cannot be read as numbers.
  public init(from first: URL, to second: URL) throws {
    self.init()
    let checkpoints = (
      try ComparableCheckpoint(opening: first), try ComparableCheckpoint(opening: second)
    )
    for name in checkpoints.0.names.union(checkpoints.1.names).sorted() {
      var entry = Entry(
        name: name, first: checkpoints.0.storage(of: name),
        second: checkpoints.1.storage(of: name))
      if checkpoints.0.names.contains(name), checkpoints.1.names.contains(name) {
        entry.error = try Self.difference(name, checkpoints)
      }
      entries.append(entry)
    }
  }

  private static func difference(
    _ name: String, _ checkpoints: (ComparableCheckpoint, ComparableCheckpoint)
  ) throws -> Difference? {
    guard let a = try checkpoints.0.numbers(of: name), let b = try checkpoints.1.numbers(of: name)
    else {
      let isSame = try checkpoints.0.bytes(of: name) == checkpoints.1.bytes(of: name)
      return isSame
        ? Difference(relativeError: 0, largestDifference: 0, differingCount: 0, count: 0) : nil
    }
    guard a.shape == b.shape else { return nil }
    var (squares, errors, largest) = (0.0, 0.0, 0.0)
    var differing = 0
    for (x, y) in zip(a.values, b.values) where x.bitPattern != y.bitPattern && x != y {
      let difference = Double(x) - Double(y)
      differing += 1
      errors += difference * difference
      largest = max(largest, abs(difference))
    }
    for x in a.values { squares += Double(x) * Double(x) }
    let relative = differing == 0 ? 0 : (errors / squares).squareRoot()
    return Difference(
      relativeError: relative, largestDifference: largest, differingCount: differing,
      count: a.values.count)
  }
}
