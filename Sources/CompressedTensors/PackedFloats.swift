import Diagnostics
import Quantization
import Tensors

/// What the layouts of 4-bit floats in pairs have in common.
enum PackedFloats {
  /// The shape of a layer whose codes are packed.
  static func shape(
    named name: String, tensor: (String) throws(InputError) -> Tensor?
  ) throws(InputError) -> (rows: Int, columns: Int) {
    try withoutActuallyEscaping(tensor) { tensor throws(InputError) in
      let (_, rows, pairs) = try LayerTensors(name: name, find: tensor).requiredMatrix(
        "weight_packed", dtypes: [.uint8])
      return (rows, 2 * pairs)
    }
  }

  /// Refuses rows that do not end at the end of a byte.
  static func requireEven(columns: Int) throws(InputError) {
    guard columns % 2 == 0 else {
      throw InputError(
        .unsupported, "the layer has \(columns) inputs, expected an even number for 4-bit floats")
    }
  }
}
