import Checksums
import Foundation

/// A tensor in one of a checkpoint's files.
struct StoredTensor {
  let name: String
  let file: TensorFile
  let entry: TensorFile.Entry

  var dtype: String { entry.dtype }
  var shape: [Int] { entry.shape }
  /// Type and shape in words.
  var kind: String { "\(dtype) \(shape)" }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    file.withBytes(entry, body)
  }

  var digest: String {
    withBytes { bytes in
      var sum = SHA256()
      sum.update(bytes)
      return sum.hexadecimal
    }
  }

  /// The elements as numbers; nil for types that are not floating-point.
  var floats: [Float]? { floats(in: 0..<shape.reduce(1, *)) }

  /// Some of the elements as numbers; nil for types that are not floating-point.
  func floats(in range: Range<Int>) -> [Float]? {
    file.data.withUnsafeBytes { all in
      let bytes = UnsafeRawBufferPointer(rebasing: all[entry.range])
      func word(_ index: Int) -> UInt16 {
        bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self).littleEndian
      }
      switch dtype {
      case "F32":
        return range.map {
          Float(
            bitPattern: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self).littleEndian)
        }
      case "BF16": return range.map { Float(bitPattern: UInt32(word($0)) << 16) }
      case "F16": return range.map { Self.half(word($0)) }
      case "F8_E4M3": return range.map { Self.eightBitFloat(bytes[$0]) }
      default: return nil
      }
    }
  }

  /// A number of five exponent and ten mantissa bits.
  static func half(_ bits: UInt16) -> Float {
    let sign: Float = bits >> 15 == 0 ? 1 : -1
    let (exponent, mantissa) = (Int(bits >> 10 & 31), Float(bits & 1023))
    if exponent == 31 { return mantissa == 0 ? sign * .infinity : .nan }
    let scale = Float(sign: .plus, exponent: max(exponent, 1) - 25, significand: 1)
    return sign * (mantissa + (exponent == 0 ? 0 : 1024)) * scale
  }

  /// A number of four exponent and three mantissa bits, without infinities.
  static func eightBitFloat(_ bits: UInt8) -> Float {
    let sign: Float = bits >> 7 == 0 ? 1 : -1
    let (exponent, mantissa) = (Int(bits >> 3 & 15), Float(bits & 7))
    if exponent == 15, mantissa == 7 { return .nan }
    let scale = Float(sign: .plus, exponent: max(exponent, 1) - 10, significand: 1)
    return sign * (mantissa + (exponent == 0 ? 0 : 8)) * scale
  }
}
