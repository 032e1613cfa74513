package import Checkpoints
package import Diagnostics
package import Quantization
import QuantizedCheckpoints
package import Recipes
package import Tensors

/// A quantized copy as far as it is written.
package struct GrowingCopy {
  package let copy: QuantizedCopy
  package let writer: CheckpointWriter
  /// What the records of its tensors begin with, to tell them from those of other copies.
  private let prefix: String

  /// Begins a copy, or goes on with one.
  ///
  /// - Parameters:
  ///   - folder: The folder that becomes the output.
  ///   - finished: The records of all tensors that are on the disk, of this copy and of others; nil to begin anew.
  /// - Throws: What ``CheckpointWriter`` throws.
  package init(
    _ copy: QuantizedCopy, in folder: PartialFolder, finished: [String]?
  ) throws(InputError) {
    let prefix = copy.folder.map { $0 + "/" } ?? ""
    (self.copy, self.prefix) = (copy, prefix)
    writer = try CheckpointWriter(
      copy.plan, in: folder, at: copy.folder,
      finished: finished.map { records in
        Set(records.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) })
      })
  }

  /// Writes what was made of a unit.
  ///
  /// - Parameter note: Told of each tensor, or slice of one, with its record.
  package func write(
    _ weights: [(module: String, weight: QuantizedWeight)],
    _ scales: [(name: String, value: Float)], note: (String, Tensor) -> Void
  ) throws(InputError) {
    func write(_ stored: (place: TensorPlace, tensor: Tensor)) throws(InputError) {
      try writer.write(stored.tensor, at: stored.place)
      note(prefix + stored.place.description, stored.tensor)
    }
    for (module, weight) in weights {
      for stored in try copy.contents.stored(weight, of: module) { try write(stored) }
    }
    for (name, value) in scales { try write(copy.contents.stored(scale: value, named: name)) }
  }

  /// Waits until what these records speak of is on the disk.
  package func synchronize(_ records: [String]) throws(InputError) {
    try writer.synchronize(records.compactMap(tensor))
  }

  /// What a record of this copy speaks of, read back.
  package func written(_ record: String) throws(InputError) -> Tensor {
    try writer.written(tensor(recordedAs: record) ?? record)
  }

  /// The tensor, or the slice of one, that a record speaks of; nil if it is another copy's.
  package func tensor(recordedAs record: String) -> String? {
    record.hasPrefix(prefix) ? String(record.dropFirst(prefix.count)) : nil
  }

  /// Writes everything but the quantized layers.
  package func writeTheRest(recipe: Recipe) throws {
    try copy.writeTheRest(to: writer, recipe: recipe)
  }
}
