import Diagnostics
import Quantization
import QuantizedCheckpoints
import Tensors

/// A byte for each code, `[O, I]`: floats as f8e4m3, integers of any bits as i8, less 2^(b-1).
struct ByteCodes: LayerPart {
  let name = TensorSuffix.weight.rawValue

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    ([Self.dtype(of: layer.arguments)], [layer.grouping.rows, layer.grouping.columns])
  }

  func size(
    in tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (rows: Int, columns: Int)? {
    try tensors.sizeOfMatrix(name, dtype: Self.dtype(of: arguments))
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    CodePacking.add(
      0 &- weight.arguments.byteShift, to: weight.codes, dtype: Self.dtype(of: weight.arguments))
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    let arguments = layer.outline.arguments
    let codes = CodePacking.add(arguments.byteShift, to: tensor, dtype: .uint8)
    if arguments.type == .float {
      try codes.requireE4M3Numbers()
    } else if !codes.hasBytes(below: 1 << arguments.bitCount) {
      throw arguments.integersOutOfRange
    }
    layer.codes = codes
  }

  private static func dtype(of arguments: QuantizationArguments) -> DType {
    arguments.type == .int ? .int8 : .float8E4M3
  }
}

/// Codes as one stream without gaps in each row. See ``CodePacking``.
enum PackedCodes: LayerPart {
  /// Codes of any bits in i32, `[O, ceil(I*b / 32)]`.
  case words
  /// Two codes of 4 bits in each byte, u8 `[O, I/2]`.
  case pairs

  var name: String { TensorSuffix.packed.rawValue }
  private var dtype: DType { self == .words ? .int32 : .uint8 }

  func kind(_ layer: LayerOutline) throws(InputError) -> (dtypes: [DType], shape: [Int]) {
    let columns = layer.grouping.columns
    guard self == .words || columns % 2 == 0 else {
      throw InputError(
        .unsupported, "the layer has \(columns) inputs, expected an even number for 4-bit floats")
    }
    let width =
      self == .words
      ? try CodePacking.wordCount(columns, bitCount: layer.arguments.bitCount) : columns / 2
    return ([dtype], [layer.grouping.rows, width])
  }

  func size(
    in tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (rows: Int, columns: Int)? {
    guard self == .pairs else { return nil }
    let (rows, pairs) = try tensors.sizeOfMatrix(name, dtype: dtype)
    return (rows, 2 * pairs)
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    CodePacking.pack(weight.codes, bitCount: weight.arguments.bitCount, into: dtype)
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) {
    layer.codes = CodePacking.unpack(
      tensor, columns: layer.outline.grouping.columns, bitCount: layer.outline.arguments.bitCount)
  }
}

/// Rows and columns of a weight whose stream of codes does not tell them, i64 `[2]`.
struct SizeRecord: LayerPart {
  let name = TensorSuffix.shape.rawValue
  let isRecord = true

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    ([.int64], [2])
  }

  func size(
    in tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (rows: Int, columns: Int)? {
    let sizes = try tensors.required(name, dtypes: [.int64], shape: [2]).elements(as: Int64.self)
    guard sizes.allSatisfy({ $0 > 0 && $0 < 1 << 31 }) else {
      throw InputError(
        .malformed, place: "\(tensors.name).\(name)",
        "found \(sizes), expected two positive sizes")
    }
    return (Int(sizes[0]), Int(sizes[1]))
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    Tensor([Int64(weight.rows), Int64(weight.columns)], shape: [2], dtype: .int64)
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) {}
}

extension QuantizationArguments {
  /// From an integer in a byte to its code; floats are stored as they are.
  var byteShift: UInt8 { type == .int ? 1 << (bitCount - 1) : 0 }

  /// What is said of integers in bytes that the bits cannot hold.
  var integersOutOfRange: InputError {
    let half = 1 << (bitCount - 1)
    return InputError(
      .malformed, "has integers outside of \(-half) to \(half - 1), those of \(bitCount) bits")
  }
}

extension Tensor {
  /// Whether all bytes are below `limit`.
  fileprivate func hasBytes(below limit: Int) -> Bool {
    withUnsafeBytes { bytes in bytes.reduce(0, max) < limit }
  }

  /// Refuses f8e4m3 numbers, given as their bits, of which one is NaN.
  func requireE4M3Numbers() throws(InputError) {
    // Without an early end, so that many are looked at together.
    let largest = withUnsafeBytes { $0.reduce(0) { max($0, $1 & 0x7F) } }
    guard largest < 0x7F else { throw InputError(.notFinite, "a number is NaN") }
  }
}
