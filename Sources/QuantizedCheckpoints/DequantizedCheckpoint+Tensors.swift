package import Checkpoints
package import Diagnostics
import Foundation
import JSONText
import Quantization
import Tensors

/// A tensor of the model that a quantized checkpoint stands for.
package struct PlainTensor: Sendable {
  /// Name, type and shape in full precision.
  package let info: TensorInfo
  package let origin: Origin

  package enum Origin: Sendable, Equatable {
    /// It is in the files under its own name.
    case stored
    /// It is one of several in a tensor of the files.
    case slice(TensorPlace)
    /// It is the weight of a quantized layer, which these are the parts of.
    case layer(String, parts: [TensorPlace])
  }
}

extension DequantizedCheckpoint {
  /// The tensors of the model, in the order of the files, and how many weights of them are quantized.
  ///
  /// - Parameter isDense: Whether nothing of the copy is quantized, so that scales of activations mean nothing, and
  ///   weights have the type of numbers.
  package func plainTensors(
    isDense: Bool
  ) throws(InputError) -> (tensors: [PlainTensor], weightCount: Int) {
    let modelType = try naming(checkpoint.configurationFile.path(percentEncoded: false)) {
      () throws(InputError) in
      try DType.ofModel(JSONReader(checkpoint.configuration))
    }
    let infos = checkpoint.tensorNames.compactMap(checkpoint.info)
    var parts: [String: [TensorPlace]] = [:]
    for info in infos {
      let suffix = info.name.split(separator: ".").last ?? ""
      for layer in owners(of: info) {
        parts[layer, default: []].append(family.place(of: "\(layer).\(suffix)"))
      }
    }
    var (tensors, weightCount): ([PlainTensor], Int) = ([], 0)
    for info in infos {
      let layers = owners(of: info)
      for layer in layers {
        // At the first of its parts.
        guard let own = parts.removeValue(forKey: layer) else { continue }
        let stored = try outline(of: layer)
        let shape = [stored.grouping.rows, stored.grouping.columns]
        let scales = stored.scaleDType ?? .bfloat16
        weightCount += shape[0] * shape[1]
        let dtype =
          isDense
          ? Self.dtype(ofScales: scales, modelType) : QuantizedWeight.dtype(ofScales: scales)
        tensors.append(
          PlainTensor(
            info: TensorInfo(name: "\(layer).weight", dtype: dtype, shape: shape),
            origin: .layer(layer, parts: own)))
      }
      guard layers.isEmpty, !isLost(info.name, isDense) else { continue }
      tensors += isDense ? members(of: info) : [PlainTensor(info: info, origin: .stored)]
    }
    return (tensors, weightCount)
  }

  /// The type that the weight of a layer has in full precision: that of its scales where these have 16 bits, as it was
  /// quantized from such numbers; else that of the model, which its runtimes round it to.
  private static func dtype(ofScales scales: DType, _ modelType: DType) -> DType {
    [.bfloat16, .float16].contains(scales) ? scales : modelType
  }

  private func owners(of info: TensorInfo) -> [String] {
    family.owners(of: info).filter { schemes[$0]?.weights != nil }
  }

  /// What a tensor that is not quantized is in full precision: itself, or the members of a stack that only files of the
  /// family have.
  private func members(of info: TensorInfo) -> [PlainTensor] {
    let members = family.owners(of: info).map { "\($0).weight" }
    let places = members.map(family.place)
    guard let first = places.first, first.index != nil,
      places.map(\.tensor) == Array(repeating: info.name, count: places.count)
    else { return [PlainTensor(info: info, origin: .stored)] }
    return zip(members, places).map { name, place in
      PlainTensor(
        info: TensorInfo(name: name, dtype: info.dtype, shape: Array(info.shape.dropFirst())),
        origin: .slice(place))
    }
  }

  /// Whether a tensor means nothing in the copy: a scale of activations without a configuration that speaks of it, or
  /// what other programs keep beside a quantized weight. Scales of inputs are planned with their layers.
  private func isLost(_ name: String, _ isDense: Bool) -> Bool {
    let suffix = name.split(separator: ".").last.map(String.init) ?? ""
    let module = String(name.dropLast(suffix.count + 1))
    if family.tensorSuffixes.contains(suffix) { return isDense || schemes[module] != nil }
    return suffix != "bias" && schemes[module]?.weights != nil
  }
}
