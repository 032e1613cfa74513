package import Checkpoints
package import Diagnostics
package import Foundation
import Quantization
package import Tensors

/// The tensors that a quantized checkpoint has in full precision, for whoever reads it as a source: the weight of a layer
/// is made of its integers and scales when it is read, everything else is as it is stored. Schemes of activations are left
/// out.
///
/// A weight is `scale * (code - zero)`, computed in f32 and rounded once, to the type of its scales if that has 16 bits and
/// else to that of the model.
package struct DequantizedWeights: MadeTensors {
  package let storage: SourceStorage
  package let names: [String]
  /// What is left out.
  package let remarks: [String]
  private let quantized: DequantizedCheckpoint
  /// Those that are not in files under their own names.
  private let tensors: [String: PlainTensor]
  /// The tensors in files that are parts of others, or mean nothing without their quantization.
  private let hidden: Set<String>

  /// - Throws: `missing` or `malformed` for layers whose tensors are not what their schemes ask for.
  package init(_ quantized: DequantizedCheckpoint) throws(InputError) {
    self.quantized = quantized
    let checkpoint = quantized.checkpoint
    let (plain, weightCount) = try quantized.plainTensors(isDense: true)
    names = plain.map(\.info.name)
    var (tensors, texts, types): ([String: PlainTensor], [String: Int], [DType]) = ([:], [:], [])
    var byteCount = 0
    for tensor in plain where tensor.origin != .stored {
      guard tensors.updateValue(tensor, forKey: tensor.info.name) == nil else {
        throw InputError(
          .malformed, source: checkpoint.folder.path(percentEncoded: false),
          place: "tensor \(quoted(tensor.info.name))", "is there in two ways")
      }
      guard case .layer(let layer, _) = tensor.origin,
        let arguments = quantized.schemes[layer]?.weights
      else { continue }
      texts[arguments.text, default: 0] += tensor.info.count
      if !types.contains(tensor.info.dtype) { types.append(tensor.info.dtype) }
      byteCount += try quantized.family.measure(layer, arguments, in: checkpoint).byteCount
    }
    let stored = Set(plain.compactMap { $0.origin == .stored ? $0.info.name : nil })
    if let twice = stored.first(where: { tensors[$0] != nil }) {
      throw InputError(
        .malformed, source: checkpoint.file(of: twice).path(percentEncoded: false),
        place: "tensor \(quoted(twice))", "is there as a quantized weight as well")
    }
    guard !texts.isEmpty else {
      throw InputError(
        .malformed, source: checkpoint.configurationFile.path(percentEncoded: false),
        place: "quantization_config",
        "says that weights are quantized (\(quantized.family.name)), and no tensor is; remove it from the "
          + "configuration of a checkpoint in full precision")
    }
    self.tensors = tensors
    hidden = Set(checkpoint.tensorNames).subtracting(stored)
    // The kind that most weights have comes first.
    let kinds = texts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
    storage = SourceStorage(
      method: quantized.family.name,
      text: "\(quantized.family.name) (\(kinds.joined(separator: "; ")))", dtypes: types,
      tensorCount: tensors.values.count { $0.isMade }, weightCount: weightCount,
      byteCount: byteCount)
    let inputs = quantized.schemes.values.count { $0.inputActivations != nil }
    remarks = [
      inputs == 0
        ? nil
        : "the source quantizes the inputs of \(inputs) layers; only weights are read, and inputs are as they are",
      quantized.keyValueScheme == nil
        ? nil
        : "the source quantizes keys and values; only weights are read, and these are as they are",
    ].compactMap(\.self)
  }

  package func info(_ name: String) -> TensorInfo? { tensors[name]?.info }

  package func hides(_ stored: String) -> Bool { hidden.contains(stored) }

  package func takesMemory(_ name: String) -> Bool { tensors[name]?.isMade ?? false }

  package func passingByteCount(of name: String) -> Int {
    guard let tensor = tensors[name], tensor.isMade else { return 0 }
    // Codes and what they are read from, scales, and products in f32 where these are not what is read.
    let products = tensor.info.dtype == .float16 ? 4 : 0
    return tensor.info.count * (2 + products) + tensor.info.count / 2
  }

  package func hasRowForEachOutput(_ name: String) -> Bool { takesMemory(name) }

  package func read(_ name: String, member: Int?) throws(InputError) -> Tensor {
    guard let tensor = tensors[name] else { preconditionFailure("\(name) is not made") }
    let whole: Tensor
    switch tensor.origin {
    case .stored: preconditionFailure("\(name) is as it is stored")
    case .slice(let place): whole = place.slice(of: try quantized.checkpoint.tensor(place.tensor))
    case .layer(let layer, let parts):
      whole = try quantized.quantizedWeight(of: layer).dequantized(to: tensor.info.dtype)
      for part in parts {
        part.slice(of: try quantized.checkpoint.tensor(part.tensor)).releasePages()
      }
      let first = whole.withUnsafeBytes { $0.firstNonFinite(whole.dtype) }
      if let first {
        throw InputError(
          .notFinite, source: file(of: name)?.path(percentEncoded: false),
          place: "tensor \(quoted(name))",
          "element \(first) is NaN, or a number that \(whole.dtype.rawValue) cannot hold")
      }
    }
    return TensorPlace(tensor: name, index: member).slice(of: whole)
  }

  package func file(of name: String) -> URL? {
    switch tensors[name]?.origin {
    case .slice(let place): quantized.checkpoint.file(of: place.tensor)
    case .layer(_, let parts): parts.first.map { quantized.checkpoint.file(of: $0.tensor) }
    default: nil
    }
  }

  package func requireFinite(_ proceed: () throws -> Void) throws {
    for name in names where takesMemory(name) {
      _ = try read(name, member: nil)
      try proceed()
    }
  }
}

extension PlainTensor {
  /// Whether it is made of others.
  fileprivate var isMade: Bool {
    if case .layer = origin { true } else { false }
  }
}
