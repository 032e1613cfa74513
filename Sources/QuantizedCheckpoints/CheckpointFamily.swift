package import Checkpoints
package import Diagnostics
package import JSONText
package import Quantization

/// A way to store a whole quantized model. compressed-tensors is one.
///
/// Names of layers and of their tensors are those that the model has in full precision, with a tensor of its
/// own for each part of a layer: `model.layers.0.mlp.up_proj.weight_scale`. What they are called in files,
/// which of them share a tensor, and what lies beside the tensors, only the family knows.
package protocol CheckpointFamily: Sendable {
  /// What configurations call it, and the package of its readers.
  static var name: String { get }

  /// The version of its readers that files are written for.
  static var version: String { get }

  /// What names of tensors end with in its checkpoints and in none in full precision.
  static var tensorSuffixes: Set<String> { get }

  /// Refuses a scheme that its files cannot hold, with the reason.
  ///
  /// - Parameter path: Where the scheme stands, for errors.
  static func requireHolds(_ scheme: QuantizationScheme, path: String) throws(InputError)

  /// All that a quantized copy of a model consists of, before there is any data.
  ///
  /// - Parameters:
  ///   - configuration: That of the model in full precision.
  ///   - tensors: Its tensors, of which each quantized layer has one of its own, `<layer>.weight`.
  ///   - modules: The modules that the configuration speaks of.
  ///   - strays: Linear layers besides those, which stay as they are.
  ///   - schemes: By layer.
  ///   - keyValues: Nil where keys and values stay as they are.
  static func outline(
    of configuration: JSONValue, tensors: [TensorInfo], modules: [ModuleDescription],
    strays: [String],
    schemes: [String: QuantizationScheme], keyValues: KeyValueOutline?
  ) throws(InputError) -> CheckpointOutline

  /// How the weights of a scheme become tensors, and how they are read back.
  static func encoding(of scheme: QuantizationScheme) throws(InputError) -> LayerEncoding

  /// Where a tensor is in files.
  static func place(of name: String) -> TensorPlace

  /// What a checkpoint's `quantization_config` says of its layers.
  ///
  /// - Throws: `InputError` whose place is the path of the key at fault.
  static func storedSchemes(_ fields: JSONReader) throws(InputError) -> StoredSchemes

  /// The configuration of a checkpoint whose layers are stored in another format.
  static func configuration(
    _ configuration: JSONValue, storedAs format: CompressionFormat
  ) -> JSONValue

  /// The quantized layers of a checkpoint.
  static func layers(in checkpoint: Checkpoint) -> Set<String>

  /// The layers whose weights a tensor of a checkpoint is a part of, as far as its name and its shape say so.
  static func owners(of tensor: TensorInfo) -> [String]

  /// The weights of a quantized layer, and the bytes that they take with their scales and zero points.
  ///
  /// What readers do not need to know of a layer to count them need not be right.
  static func measure(
    _ layer: String, in checkpoint: Checkpoint
  ) throws(InputError) -> (weightCount: Int, byteCount: Int)
}

extension CheckpointFamily {
  package static func place(of name: String) -> TensorPlace { TensorPlace(tensor: name) }
}

/// What a configuration says of quantized layers.
package struct StoredSchemes {
  /// Groups of layers, with their places for errors.
  package var groups: [(name: String, scheme: QuantizationScheme)]
  /// Layers that keep their weights.
  package var ignore: [String]
  /// How keys and values are quantized; nil for not at all.
  package var keyValueScheme: QuantizationArguments?

  package init(
    groups: [(name: String, scheme: QuantizationScheme)], ignore: [String],
    keyValueScheme: QuantizationArguments?
  ) {
    (self.groups, self.ignore, self.keyValueScheme) = (groups, ignore, keyValueScheme)
  }
}
