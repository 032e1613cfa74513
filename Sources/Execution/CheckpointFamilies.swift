package import Checkpoints
import CompressedTensors
package import Diagnostics
package import Foundation
import GPTQ
package import JSONText
import MLX
package import Quantization
package import QuantizedCheckpoints

/// The families of quantized checkpoints.
package enum CheckpointFamilies {
  /// The one that is written.
  package static let usual: any CheckpointFamily = CompressedTensors()

  /// What names of tensors end with in quantized checkpoints and in none in full precision.
  static let tensorSuffixes = usual.tensorSuffixes.union(GPTQ.tensorSuffixes).union(
    MLX.tensorSuffixes)

  /// The keys of a configuration that say how layers are quantized.
  package static let keys = ["quantization_config", MLX.key]

  /// A configuration without them, as the model in full precision has it.
  package static func plain(_ configuration: JSONValue) -> JSONValue {
    keys.reduce(configuration) { $0.removing($1) }
  }

  /// What a configuration says of that; nil where it is that of a model in full precision.
  package static func settings(of configuration: JSONReader) throws(InputError) -> JSONReader? {
    if let fields = try configuration.optional("quantization_config") { return fields }
    // Older checkpoints of MLX have nothing else; the key may mean something else as well.
    guard let fields = try configuration.optional(MLX.key), MLX.isMeant(by: fields) else {
      return nil
    }
    return fields
  }

  /// The family that a `quantization_config` names, if it is a known one.
  package static func known(_ fields: JSONValue?) -> (any ReadableFamily)? {
    fields.flatMap { try? family(of: JSONReader($0)) }
  }

  /// The family that a `quantization_config` names.
  package static func family(of fields: JSONReader) throws(InputError) -> any ReadableFamily {
    if MLX.isMeant(by: fields) { return MLX() }
    let method = try fields.required("quant_method")
    let name = try method.string()
    if name == usual.name { return usual }
    if let family = try GPTQ(fields) { return family }
    let names = [usual.name] + GPTQ.Method.allCases.map(\.rawValue) + [MLX().name]
    throw InputError(
      .unsupported, place: method.path,
      "found \(quoted(name)), supported is \(names.joined(separator: ", "))")
  }
}

extension DequantizedCheckpoint {
  /// Reads the checkpoint's `quantization_config`.
  ///
  /// - Parameter modules: The modules of the model, which the configuration's targets are matched with; nil
  ///   for the quantized layers that the tensors tell.
  package init(
    _ checkpoint: Checkpoint, modules: [ModuleDescription]? = nil
  ) throws(InputError) {
    let file = checkpoint.configurationFile.path(percentEncoded: false)
    do throws(InputError) {
      if let method = checkpoint.made?.storage.method {
        throw InputError(
          .unsupported, place: "quantization_config.quant_method",
          "found \(quoted(method)), which is read as a source and not as a quantized checkpoint")
      }
      let configuration = JSONReader(checkpoint.configuration)
      guard let fields = try CheckpointFamilies.settings(of: configuration) else {
        throw InputError(.missing, place: "quantization_config", "is missing")
      }
      try self.init(
        checkpoint, fields, of: CheckpointFamilies.family(of: fields), modules: modules)
    } catch {
      throw error.inSource(file)
    }
  }
}

extension Checkpoint {
  /// Opens what a quantized copy can be made of. A checkpoint that is quantized already is read as the numbers that it
  /// stands for.
  ///
  /// - Throws: `InputError` for a kind of quantization that is not read, and for tensors that do not fit to what the
  ///   configuration says of them.
  package static func source(opening folder: URL) throws(InputError) -> Checkpoint {
    let checkpoint = try Checkpoint.model(opening: folder)
    let settings = try naming(checkpoint.configurationFile.path(percentEncoded: false)) {
      () throws(InputError) in
      try CheckpointFamilies.settings(of: JSONReader(checkpoint.configuration))
    }
    guard settings != nil, checkpoint.made == nil else { return checkpoint }
    return try DequantizedCheckpoint(checkpoint).dense
  }
}

extension DequantizedCheckpoint {
  /// The checkpoint as one in full precision.
  package var dense: Checkpoint {
    get throws(InputError) {
      let weights = try DequantizedWeights(self)
      return checkpoint.reading(
        as: weights, configuration: CheckpointFamilies.plain(checkpoint.configuration),
        remarks: weights.remarks)
    }
  }
}
