import Checkpoints
package import Diagnostics
import Foundation
import JSONText
import QuantizedCheckpoints
import Tensors

/// What a source must be so that a sound copy can be made of it, as far as headers and small files tell.
extension Checkpoint {
  /// Refuses a source that does not say what model it is, or that has files beside its weights that nobody could read.
  package func requireSource() throws {
    try naming(configurationFile.path(percentEncoded: false)) {
      try JSONReader(configuration).requireModelClass()
    }
    try requireReadableFiles()
    // Its license and language are passed on.
    try requireInside("README.md")
  }

  /// Refuses tensors that an earlier quantization has left: readers of the copy would take them for parts of
  /// its layers.
  ///
  /// - Parameter quantized: The modules whose weights are to be quantized.
  package func requireNoLeftovers(beside quantized: some Collection<String>) throws(InputError) {
    let quantized = Set(quantized)
    for name in tensorNames {
      let suffix = name.split(separator: ".").last.map(String.init) ?? ""
      let module = String(name.dropLast(suffix.count + 1))
      let isElements =
        suffix == "weight" && [.int8, .float8E4M3].contains(info(name)?.dtype)
      guard
        isElements || Self.leftovers.contains(suffix)
          || suffix.hasPrefix("weight_") && quantized.contains(module)
      else { continue }
      throw InputError(
        .unsupported, source: file(of: name).path(percentEncoded: false),
        place: "tensor \(quoted(name))",
        "is part of a quantized layer; the source seems to be quantized already, and its configuration does not say how"
      )
    }
  }

  /// The ends of the names of what quantization writes.
  private static let leftovers = CheckpointFamilies.tensorSuffixes.union(["weight_scale_inv"])
}

extension JSONReader {
  /// Refuses a configuration by which runtimes would not find the model's class.
  func requireModelClass() throws(InputError) {
    _ = try required("model_type").string()
    let expected = "the names of the model's classes, such as [\"LlamaForCausalLM\"]"
    guard let classes = try optional("architectures") else {
      throw InputError(.missing, place: "architectures", "is missing; expected \(expected)")
    }
    guard let names = classes.value.arrayValue, !names.isEmpty,
      names.allSatisfy({ $0.stringValue != nil })
    else { throw classes.mismatch(expected) }
  }
}
