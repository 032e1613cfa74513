import Checkpoints
import Diagnostics
import Execution
public import Foundation
import JSONText
import Quantization
import QuantizedCheckpoints
import Tensors

/// A checkpoint whose tensors can be read as numbers under the names that a model gives them, whatever
/// its architecture.
struct ComparableCheckpoint {
  private let checkpoint: Checkpoint
  private let quantized: DequantizedCheckpoint?
  /// The tensors as those of the other checkpoint are cut; nil where this one is quantized.
  private var layered: LayeredCheckpoint?
  /// The names of all tensors; those of a quantized layer are one, its weight.
  private(set) var names: Set<String>

  package init(opening folder: URL) throws {
    let checkpoint = try Checkpoint.model(opening: folder)
    self.checkpoint = checkpoint
    let fields = try CheckpointFamilies.settings(of: JSONReader(checkpoint.configuration))
    let family = CheckpointFamilies.known(fields?.value)
    let isQuantized = family?.layers(in: checkpoint).isEmpty == false
    quantized = isQuantized ? try DequantizedCheckpoint(checkpoint) : nil
    names = quantized?.tensorNames ?? Set(checkpoint.tensorNames)
  }

  /// Cuts tensors that hold layers which the other checkpoint has quantized, as a copy of this one would be.
  fileprivate mutating func cut(like other: ComparableCheckpoint) {
    guard quantized == nil, let schemes = other.quantized?.schemes else { return }
    let layered = try? LayeredCheckpoint(checkpoint, layers: checkpoint.layerTensors) {
      schemes[$0]?.weights != nil
    }
    // Tensors that cannot be cut are compared as they are.
    guard let layered else { return }
    (self.layered, names) = (layered, Set(layered.tensors.map(\.name)))
  }

  private func scheme(of name: String) -> QuantizationScheme? {
    ModuleDescription.name(ofWeight: name).flatMap { quantized?.schemes[$0] }
  }

  /// How a tensor is stored, in words.
  func storage(of name: String) -> String? {
    if let arguments = scheme(of: name)?.weights { return arguments.text }
    return (layered?.info(name) ?? checkpoint.info(name)).map { "\($0.dtype.rawValue) \($0.shape)" }
  }

  /// A tensor as it is stored, or the numbers of a quantized layer's weight.
  func tensor(_ name: String) throws -> Tensor {
    try quantized?.weight(named: name) ?? layered?.tensor(name) ?? checkpoint.tensor(name)
  }

  /// Lets go of the memory that reading tensors has taken.
  func releasePages() { checkpoint.releasePages() }
}

extension CheckpointDifference {
  /// Compares two checkpoints tensor by tensor; no more than one of either is in memory at a time.
  ///
  /// - Throws: `InputError` for what is no checkpoint, or cannot be read as numbers.
  public static func between(_ first: URL, _ second: URL) throws -> CheckpointDifference {
    var difference = CheckpointDifference()
    var checkpoints = (
      try ComparableCheckpoint(opening: first), try ComparableCheckpoint(opening: second)
    )
    checkpoints.0.cut(like: checkpoints.1)
    checkpoints.1.cut(like: checkpoints.0)
    for name in checkpoints.0.names.union(checkpoints.1.names).sorted() {
      var entry = Entry(
        name: name, first: checkpoints.0.storage(of: name),
        second: checkpoints.1.storage(of: name))
      if checkpoints.0.names.contains(name), checkpoints.1.names.contains(name) {
        entry.error = try Self.difference(name, checkpoints)
      }
      difference.entries.append(entry)
    }
    return difference
  }

  private static func difference(
    _ name: String, _ checkpoints: (ComparableCheckpoint, ComparableCheckpoint)
  ) throws -> Difference? {
    let (a, b) = (try checkpoints.0.tensor(name), try checkpoints.1.tensor(name))
    defer {
      checkpoints.0.releasePages()
      checkpoints.1.releasePages()
    }
    if a == b {
      return Difference(
        relativeError: 0, largestDifference: 0, differingCount: 0, count: a.count)
    }
    guard a.shape == b.shape, a.dtype.isFloatingPoint, b.dtype.isFloatingPoint else { return nil }
    return Difference(from: a, to: b)
  }
}
