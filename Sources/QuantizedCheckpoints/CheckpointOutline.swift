package import Checkpoints
package import Diagnostics
package import JSONText
package import Quantization
package import Tensors

/// How keys and values are quantized, and the attention modules whose scales there are, with the type of these.
package typealias KeyValueOutline = (
  scheme: QuantizationArguments, scales: [(module: String, dtype: DType)]
)

/// All that a quantized copy of a model consists of.
package struct CheckpointOutline {
  /// Every tensor, in the order in which files are filled.
  package private(set) var tensors: [TensorInfo] = []
  /// Those that are the source's bit for bit, with their names there and their places in the copy.
  package private(set) var copies: [(source: String, place: TensorPlace)] = []
  /// Bytes of the quantized weights, scales and zero points included.
  package private(set) var weightByteCount = 0
  /// The configuration of the copy.
  package var configuration: JSONValue
  /// What files of tensors say that they are (`format` of their metadata).
  package var fileFormat = "pt"
  /// Whole files that are the family's own.
  package var documents: [(name: String, text: String)] = []
  /// Where each stack is among ``tensors``.
  private var positions: [String: Int] = [:]

  package init(configuration: JSONValue) { self.configuration = configuration }

  /// Adds every tensor of a copy: what a family makes of the quantized layers, scales of activations, and the rest as
  /// it is.
  ///
  /// - Parameter source: The tensors in full precision, of which each quantized layer has one of its own.
  package mutating func add(
    _ source: [TensorInfo], schemes: [String: QuantizationScheme], keyValues: KeyValueOutline?,
    of family: any ReadableFamily
  ) throws(InputError) {
    for info in source {
      guard let layer = ModuleDescription.name(ofWeight: info.name), let scheme = schemes[layer],
        let arguments = scheme.weights
      else {
        copy(info, at: family.place(of: info.name))
        continue
      }
      if let scale = ActivationScale.ofInputs(scheme.inputActivations) {
        add(scale, of: layer, dtype: info.dtype, family)
      }
      do throws(InputError) {
        let encoding = try family.encoding(of: scheme)
        let planned = try encoding.plannedTensors(
          for: layer, rows: info.shape[0], columns: info.shape[1], arguments: arguments,
          scaleDType: info.dtype)
        for tensor in planned { add(tensor, at: family.place(of: tensor.name)) }
        weightByteCount += encoding.weightByteCount(planned)
      } catch {
        throw error.inSource(layer)
      }
    }
    for (module, dtype) in keyValues?.scales ?? [] {
      for scale in ActivationScale.ofKeysAndValues {
        add(scale, of: module, dtype: dtype, family)
      }
    }
  }

  private mutating func add(
    _ scale: ActivationScale, of module: String, dtype: DType, _ family: any ReadableFamily
  ) {
    let info = TensorInfo(
      name: scale.name(of: module), dtype: scale.dtype(ofWeights: dtype), shape: [1])
    add(info, at: family.place(of: info.name))
  }

  /// Gives tensors that were added other types, by their names.
  package mutating func setTypes(_ types: [String: DType]) {
    for index in tensors.indices {
      if let dtype = types[tensors[index].name] { tensors[index].dtype = dtype }
    }
  }

  /// Adds a tensor of the source, which stays as it is.
  package mutating func copy(_ info: TensorInfo, at place: TensorPlace) {
    add(info, at: place)
    copies.append((info.name, place))
  }

  /// Adds a tensor, or makes room for one more in the stack that it is a part of.
  package mutating func add(_ info: TensorInfo, at place: TensorPlace) {
    guard let index = place.index else {
      return tensors.append(TensorInfo(name: place.tensor, dtype: info.dtype, shape: info.shape))
    }
    if let position = positions[place.tensor] {
      tensors[position].shape[0] = max(tensors[position].shape[0], index + 1)
    } else {
      positions[place.tensor] = tensors.count
      tensors.append(
        TensorInfo(name: place.tensor, dtype: info.dtype, shape: [index + 1] + info.shape))
    }
  }
}
