package import Checkpoints
import CompressedTensors
package import Diagnostics
import Foundation
package import JSONText
package import Quantization
package import QuantizedCheckpoints

/// The table of families of quantized checkpoints.
package enum CheckpointFamilies {
  package static let all: [any CheckpointFamily.Type] = [CompressedTensors.self]

  /// The one that is written where none is asked for.
  package static let usual: any CheckpointFamily.Type = CompressedTensors.self

  /// The family that a `quantization_config` names, if it is one of the table.
  package static func known(_ fields: JSONValue?) -> (any CheckpointFamily.Type)? {
    let name = fields?["quant_method"]?.stringValue
    return all.first { $0.name == name }
  }

  /// The family that a `quantization_config` names.
  package static func family(
    of fields: JSONReader
  ) throws(InputError) -> any CheckpointFamily.Type {
    let method = try fields.required("quant_method")
    let name = try method.string()
    if let family = known(fields.value) { return family }
    throw InputError(
      .unsupported, place: method.path,
      "found \(quoted(name)), supported is \(all.map { $0.name }.joined(separator: " or "))")
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
