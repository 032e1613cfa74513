package import Checkpoints
import CompressedTensors
package import Diagnostics
import Foundation
import GPTQ
package import JSONText
package import Quantization
package import QuantizedCheckpoints

/// The families of quantized checkpoints.
package enum CheckpointFamilies {
  /// The one that is written.
  package static let usual: any CheckpointFamily = CompressedTensors()

  /// What names of tensors end with in quantized checkpoints and in none in full precision.
  static let tensorSuffixes = usual.tensorSuffixes.union(GPTQ.tensorSuffixes)

  /// The family that a `quantization_config` names, if it is a known one.
  package static func known(_ fields: JSONValue?) -> (any ReadableFamily)? {
    fields.flatMap { try? family(of: JSONReader($0)) }
  }

  /// The family that a `quantization_config` names.
  package static func family(of fields: JSONReader) throws(InputError) -> any ReadableFamily {
    let method = try fields.required("quant_method")
    let name = try method.string()
    if name == usual.name { return usual }
    if let family = try GPTQ(fields) { return family }
    let names = [usual.name] + GPTQ.Method.allCases.map(\.rawValue)
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
    let file = checkpoint.folder.appending(path: "config.json").path(percentEncoded: false)
    do throws(InputError) {
      if let method = checkpoint.widened?.method {
        throw InputError(
          .unsupported, place: "quantization_config.quant_method",
          "found \(quoted(method)), which is read as a source and not as a quantized checkpoint")
      }
      let fields = try JSONReader(checkpoint.configuration).required("quantization_config")
      try self.init(
        checkpoint, fields, of: CheckpointFamilies.family(of: fields), modules: modules)
    } catch {
      throw error.inSource(file)
    }
  }
}
