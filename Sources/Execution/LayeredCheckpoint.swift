package import Checkpoints
package import Diagnostics
import Foundation
import JSONText
package import LanguageModels
import ModelFamilies
import Quantization
package import Tensors

/// The tensors that a quantized copy is made of: those of a checkpoint's files, but for tensors that hold a quantized
/// layer in another way than as its weight, with a row for each output. In the place of such a tensor each of its layers
/// has one of its own.
package struct LayeredCheckpoint: Sendable {
  package let checkpoint: Checkpoint
  /// In the order of the files.
  package let tensors: [TensorInfo]
  private let infos: [String: TensorInfo]
  /// Those that are parts of tensors, by their own names.
  private let parts: [String: LayerTensor]

  /// - Parameters:
  ///   - layers: Where the files have the layers.
  ///   - isQuantized: Whether a layer's weight is to be quantized.
  /// - Throws: `unsupported` for a tensor that holds more than the layers that are known of it.
  package init(
    _ checkpoint: Checkpoint, layers: [LayerTensor], isQuantized: (String) -> Bool
  ) throws(InputError) {
    self.checkpoint = checkpoint
    let owners = Dictionary(grouping: layers.filter { !$0.isApart }, by: \.stored.tensor)
    var (tensors, parts): ([TensorInfo], [String: LayerTensor]) = ([], [:])
    for info in checkpoint.tensorNames.compactMap(checkpoint.info) {
      guard let own = owners[info.name], own.contains(where: { isQuantized($0.layer) }) else {
        tensors.append(info)
        continue
      }
      guard own.allSatisfy({ $0.stored.tensorShape(of: $0.shape) == info.shape }),
        own.reduce(0, { $0 + $1.shape.reduce(1, *) }) == info.count
      else {
        throw InputError(
          .unsupported, source: checkpoint.file(of: info.name).path(percentEncoded: false),
          place: "tensor \(quoted(info.name))",
          "of shape \(info.shape) holds more than the \(own.count) layers that are known of it; expected no more, as each becomes a tensor of its own"
        )
      }
      for part in own {
        tensors.append(TensorInfo(name: part.name, dtype: info.dtype, shape: part.shape))
        parts[part.name] = part
      }
    }
    (self.tensors, self.parts) = (tensors, parts)
    infos = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Type and shape of a tensor; nil if there is none of this name.
  package func info(_ name: String) -> TensorInfo? { infos[name] }

  /// The tensor of the files that holds a tensor's numbers.
  package func file(of name: String) -> String { parts[name]?.stored.tensor ?? name }

  /// Whether a tensor's numbers are made of others when it is read.
  package func isMade(_ name: String) -> Bool { checkpoint.isMade(file(of: name)) }

  /// Bytes that reading a tensor takes for a while beside its own.
  package func passingByteCount(of name: String) -> Int {
    checkpoint.passingByteCount(of: file(of: name))
  }

  /// A tensor, where it lies if it can be used there.
  package func tensor(_ name: String) throws -> Tensor {
    try parts[name]?.read(from: checkpoint) ?? checkpoint.tensor(name)
  }

  /// The same in the pieces that a copy is written in: see ``Checkpoint/forEachPart(of:_:)``.
  package func forEachPart(
    of name: String, _ body: (_ member: Int?, Tensor) throws -> Void
  ) throws {
    guard parts[name] == nil else { return try body(nil, tensor(name)) }
    try checkpoint.forEachPart(of: name, body)
  }
}

extension Checkpoint {
  /// Where the files have the linear layers: as the family says, or for unknown ones as names and shapes of stacks do.
  package var layerTensors: [LayerTensor] {
    layerTensors(of: knownDescription)
  }

  /// The same of a model that is described already; nil for one of no known family.
  package func layerTensors(of description: ModelDescription?) -> [LayerTensor] {
    description?.layerTensors(in: self)
      ?? Architectures.layerTensors(of: nil, shapes: tensorShapes)
  }

  private var knownDescription: ModelDescription? {
    try? Architectures.describe(JSONReader(configuration), shapes: tensorShapes)
  }

  /// Refuses to write weights that were made with a row for each output as they are, where their family has layers in
  /// other tensors, or has rows for columns: nobody would find them.
  ///
  /// - Parameter isQuantized: Whether the layer of a weight is written quantized.
  package func requireOwnTensors(
    isQuantized: (String) -> Bool = { _ in false }
  ) throws(InputError) {
    let own = Set(
      tensorNames.filter(hasRowForEachOutput).compactMap { ModuleDescription.name(ofWeight: $0) }
    ).filter { !isQuantized($0) }
    guard !own.isEmpty,
      let first = knownDescription?.layerTensors.first(where: {
        own.contains($0.layer) && !$0.isApart
      })
    else { return }
    throw InputError(
      .unsupported, source: folder.path(percentEncoded: false), place: first.layer,
      "models of this family in full precision have its weight in \(quoted(first.stored.tensor)), as a part or with rows for columns; "
        + "such a tensor is not put together again")
  }
}
