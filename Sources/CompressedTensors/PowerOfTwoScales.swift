import Diagnostics
import Quantization
import Tensors

/// Scales that are powers of two, stored as a byte with their exponent plus 127: E8M0.
enum PowerOfTwoScales {
  static func tensor(_ scales: [Float], shape: [Int]) -> Tensor {
    // 2^-127 is no normal number; its exponent field of 0 is the byte that it has.
    let bytes = scales.map { UInt8(truncatingIfNeeded: $0.bitPattern >> 23) }
    return Tensor(bytes: bytes, shape: shape, dtype: .uint8)
  }

  /// - Throws: `notFinite` for the byte that means NaN.
  static func scales(
    _ tensors: LayerTensors, _ suffix: String, shape: [Int]
  ) throws(InputError) -> [Float] {
    let bytes = try tensors.required(suffix, dtypes: [.uint8, .float8E8M0], shape: shape).bytes
    guard bytes.allSatisfy({ $0 != 255 }) else {
      throw InputError(.notFinite, place: "\(tensors.name).\(suffix)", "a scale is NaN")
    }
    return bytes.map { $0 == 0 ? 0x1p-127 : Float(bitPattern: UInt32($0) << 23) }
  }
}
