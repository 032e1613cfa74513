package import Checkpoints
package import Diagnostics
package import JSONText
package import Quantization
package import Tensors

/// A way in which whole quantized models are stored, as far as it can be read. compressed-tensors is one.
///
/// Names of layers and of their tensors are those that the model has in full precision, with a tensor of its
/// own for each part of a layer: `model.layers.0.mlp.up_proj.weight_scale`. What they are called in files,
/// which of them share a tensor, and what lies beside the tensors, only the family knows.
package protocol ReadableFamily: Sendable {
  /// What configurations call it, and the package of its readers.
  var name: String { get }

  /// What names of tensors end with in its checkpoints and in none in full precision.
  var tensorSuffixes: Set<String> { get }

  /// Refuses a scheme that its files cannot hold, with the reason.
  ///
  /// - Parameter path: Where the scheme stands, for errors.
  func requireHolds(_ scheme: QuantizationScheme, path: String) throws(InputError)

  /// How the weights of a scheme become tensors, and how they are read back.
  func encoding(of scheme: QuantizationScheme) throws(InputError) -> LayerEncoding

  /// The type that its readers round the weights to, as numbers.
  func dtype(ofScales dtype: DType) -> DType

  /// Where a tensor is in files.
  func place(of name: String) -> TensorPlace

  /// What a checkpoint's `quantization_config` says of its layers.
  ///
  /// - Parameter tensors: Those of the checkpoint.
  /// - Throws: `InputError` whose place is the path of the key at fault.
  func storedSchemes(
    _ fields: JSONReader, tensors: some Sequence<TensorInfo>
  ) throws(InputError) -> StoredSchemes

  /// The quantized layers of a checkpoint.
  func layers(in checkpoint: Checkpoint) -> Set<String>

  /// The layers whose weights a tensor of a checkpoint is a part of, as far as its name and its shape say so.
  func owners(of tensor: TensorInfo) -> [String]

  /// The weights of a quantized layer, and the bytes that they take with their scales and zero points.
  ///
  /// What readers do not need to know of a layer to count them need not be right.
  ///
  /// - Parameter arguments: What the configuration says of the weights; nil where it says nothing.
  func measure(
    _ layer: String, _ arguments: QuantizationArguments?, in checkpoint: Checkpoint
  ) throws(InputError) -> (weightCount: Int, byteCount: Int)
}

extension ReadableFamily {
  package func dtype(ofScales dtype: DType) -> DType { QuantizedWeight.dtype(ofScales: dtype) }

  package func place(of name: String) -> TensorPlace { TensorPlace(tensor: name) }
}

/// A family of which checkpoints are written.
package protocol CheckpointFamily: ReadableFamily {
  /// The version of its readers that files are written for.
  var version: String { get }

  /// Whether embeddings may be quantized like linear layers.
  var holdsEmbeddings: Bool { get }

  /// The package beside transformers that reads its checkpoints there; nil where transformers does not read them.
  var transformersPackage: String? { get }

  /// A command that runs a checkpoint, with the package that has it, where transformers does not.
  func command(running checkpoint: String) -> (package: String, line: String)?

  /// All that a quantized copy of a model consists of, before there is any data.
  ///
  /// - Parameters:
  ///   - configuration: That of the model in full precision.
  ///   - tensors: Its tensors, of which each quantized layer has one of its own, `<layer>.weight`.
  ///   - modules: The modules that the configuration speaks of.
  ///   - schemes: By layer.
  ///   - keyValues: Nil where keys and values stay as they are.
  func outline(
    of configuration: JSONValue, tensors: [TensorInfo], modules: [ModuleDescription],
    schemes: [String: QuantizationScheme], keyValues: KeyValueOutline?
  ) throws(InputError) -> CheckpointOutline

  /// The configuration of a checkpoint whose layers are stored in another format.
  func configuration(_ configuration: JSONValue, storedAs format: CompressionFormat) -> JSONValue
}

extension CheckpointFamily {
  package var holdsEmbeddings: Bool { false }

  package var transformersPackage: String? { name }

  package func command(running checkpoint: String) -> (package: String, line: String)? { nil }

  /// A family has one way to store layers, unless it says otherwise.
  package func configuration(
    _ configuration: JSONValue, storedAs format: CompressionFormat
  ) -> JSONValue { configuration }
}

/// What a configuration says of quantized layers.
package struct StoredSchemes {
  /// Groups of layers, with their places for errors.
  package var groups: [(name: String, scheme: QuantizationScheme)]
  /// Layers that keep their weights.
  package var ignore: [String]
  /// How keys and values are quantized; nil for not at all.
  package var keyValueScheme: QuantizationArguments?

  /// The scheme of each layer, of whatever class it is; nil where groups say it by their targets.
  package var named: [String: QuantizationScheme]?

  /// How targets that match no layer are taken.
  package let origin: SchemeResolution.Origin

  package init(
    groups: [(name: String, scheme: QuantizationScheme)], ignore: [String],
    keyValueScheme: QuantizationArguments?, origin: SchemeResolution.Origin = .checkpoint
  ) {
    (self.groups, self.ignore, self.keyValueScheme) = (groups, ignore, keyValueScheme)
    self.origin = origin
  }
  /// The schemes of those modules that have one.
  ///
  /// - Throws: What ``SchemeResolution/resolve(groups:ignore:modules:origin:)`` throws.
  package func schemes(
    of modules: [ModuleDescription]
  ) throws(InputError) -> [String: QuantizationScheme] {
    if let named {
      let names = Set(modules.map(\.name))
      return named.filter { names.contains($0.key) }
    }
    return try SchemeResolution.resolve(
      groups: groups, ignore: ignore, modules: modules, origin: origin
    ).schemes
  }
}
