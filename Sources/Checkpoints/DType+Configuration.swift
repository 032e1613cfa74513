package import Diagnostics
package import JSONText
package import Tensors

extension DType {
  /// The type of a model's numbers by its configuration; bf16 where that says nothing.
  package static func ofModel(_ configuration: JSONReader) throws(InputError) -> DType {
    let types: [String: DType] = [
      "bfloat16": .bfloat16, "float16": .float16, "float32": .float32,
    ]
    for holder in [configuration, try configuration.optional("text_config")] {
      for key in ["dtype", "torch_dtype"] {
        guard let name = try holder?.optional(key) else { continue }
        guard let dtype = types[try name.string()] else {
          throw name.mismatch("bfloat16, float16 or float32")
        }
        return dtype
      }
    }
    return .bfloat16
  }
}
