import Diagnostics
import Tensors

/// Codes of 4 bits in pairs: the even element in the lower half of a byte, the odd one in the upper.
enum NibblePacking {
  /// `[rows, columns / 2]` bytes of as many pairs of codes.
  static func pack(_ codes: [UInt8], rows: Int) -> Tensor {
    let bytes = [UInt8](unsafeUninitializedCapacity: codes.count / 2) { bytes, count in
      count = codes.count / 2
      for index in 0..<count { bytes[index] = codes[2 * index] | codes[2 * index + 1] << 4 }
    }
    return Tensor(bytes: bytes, shape: [rows, bytes.count / max(rows, 1)], dtype: .uint8)
  }

  static func unpack(_ packed: Tensor) -> [UInt8] {
    packed.withUnsafeBytes { bytes in
      [UInt8](unsafeUninitializedCapacity: 2 * bytes.count) { codes, count in
        count = 2 * bytes.count
        for index in 0..<bytes.count {
          codes[2 * index] = bytes[index] & 15
          codes[2 * index + 1] = bytes[index] >> 4
        }
      }
    }
  }

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

extension Tensor {
  /// A copy of the bytes of all elements.
  var bytes: [UInt8] { withUnsafeBytes { Array($0) } }
}
