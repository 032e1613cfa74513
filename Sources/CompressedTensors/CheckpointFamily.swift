package import Checkpoints
package import Diagnostics
package import JSONText
package import Quantization
package import Tensors

/// A way to store a whole quantized model. compressed-tensors is one.
///
/// Names of layers are those that the model has in full precision. What they are called in files, which of them
/// share a tensor, and what lies beside the tensors, only the family knows.
package protocol CheckpointFamily: Sendable {
  /// What configurations call it, and the package of its readers.
  static var name: String { get }

  /// The version of its readers that files are written for.
  static var version: String { get }

  /// Refuses a scheme that its files cannot hold, with the reason.
  ///
  /// - Parameter path: Where the scheme stands, for errors.
  static func requireHolds(_ scheme: QuantizationScheme, path: String) throws(InputError)

  /// All that a quantized copy of a model consists of, before there is any data.
  ///
  /// - Parameters:
  ///   - checkpoint: The model in full precision.
  ///   - modules: The modules that the configuration speaks of.
  ///   - strays: Linear layers besides those, which stay as they are.
  ///   - schemes: By layer.
  ///   - keyValues: Nil where keys and values stay as they are.
  static func outline(
    of checkpoint: Checkpoint, modules: [ModuleDescription], strays: [String],
    schemes: [String: QuantizationScheme], keyValues: KeyValueOutline?
  ) throws(InputError) -> CheckpointOutline

  /// How the weights of a scheme become tensors, and how they are read back.
  static func encoding(of scheme: QuantizationScheme) throws(InputError) -> LayerEncoding

  /// What a checkpoint's `quantization_config` says of its layers.
  ///
  /// - Throws: `InputError` whose place is the path of the key at fault.
  static func storedSchemes(_ fields: JSONReader) throws(InputError) -> StoredSchemes

  /// The quantized layers that have some of these tensors.
  static func layers(among tensorNames: [String]) -> Set<String>

  /// The layer whose weight a tensor is a part of, if the name says so.
  static func owner(of tensorName: String) -> String?
}

/// How keys and values are quantized, and the attention modules whose scales there are, with the type of these.
package typealias KeyValueOutline = (
  scheme: QuantizationArguments, scales: [(module: String, dtype: DType)]
)

/// All that a quantized copy of a model consists of.
package struct CheckpointOutline {
  /// Every tensor, in the order in which files are filled.
  package var tensors: [TensorInfo] = []
  /// Those that are the source's bit for bit, with their names there and in the copy.
  package var copies: [(source: String, name: String)] = []
  /// Bytes of the quantized weights, scales and zero points included.
  package var weightByteCount = 0
  /// The configuration of the copy.
  package var configuration: JSONValue
  /// Whole files that are the family's own.
  package var documents: [(name: String, text: String)] = []
}

/// What a configuration says of quantized layers.
package struct StoredSchemes {
  /// Groups of layers, with their places for errors.
  package var groups: [(name: String, scheme: QuantizationScheme)]
  /// Layers that keep their weights.
  package var ignore: [String]
  /// How keys and values are quantized; nil for not at all.
  package var keyValueScheme: QuantizationArguments?
}

/// The table of families.
package enum CheckpointFamilies {
  package static let all: [any CheckpointFamily.Type] = [CompressedTensors.self]

  /// The family that a `quantization_config` names.
  package static func family(
    of fields: JSONReader
  ) throws(InputError) -> any CheckpointFamily.Type {
    let method = try fields.required("quant_method")
    let name = try method.string()
    if let family = all.first(where: { $0.name == name }) { return family }
    throw InputError(
      .unsupported, place: method.path,
      "found \(quoted(name)), supported is \(all.map { $0.name }.joined(separator: " or "))")
  }
}
