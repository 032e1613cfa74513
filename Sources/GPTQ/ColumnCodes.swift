import Diagnostics
import Quantization
import QuantizedCheckpoints
import Tensors

/// Codes in i32, `[ceil(I*b / 32), O]`: each column is a dense stream of the codes of one output. See ``CodePacking``.
struct ColumnCodes: LayerPart {
  let name = "qweight"

  func kind(_ layer: LayerOutline) throws(InputError) -> (dtypes: [DType], shape: [Int]) {
    let (rows, columns) = (layer.grouping.rows, layer.grouping.columns)
    let words = try CodePacking.wordCount(columns, bitCount: layer.arguments.bitCount)
    return ([.int32], [words, rows])
  }

  func size(
    in tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (rows: Int, columns: Int)? {
    let (words, rows) = try tensors.sizeOfMatrix(name, dtype: .int32)
    guard let columns = CodePacking.codeCount(ofWords: words, bitCount: arguments.bitCount) else {
      throw InputError(
        .malformed, place: "\(tensors.name).\(name)",
        "has \(words) words for each output, which are no whole number of \(arguments.bitCount)-bit integers"
      )
    }
    return (rows, columns)
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    CodePacking.pack(weight.codes, bitCount: weight.arguments.bitCount, into: .int32)
      .transposed()
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) {
    layer.codes = CodePacking.unpack(
      tensor.transposed(), columns: layer.outline.grouping.columns,
      bitCount: layer.outline.arguments.bitCount)
  }
}

/// Codes of 4 bits in i32, `[I, O/8]`: each word holds eight neighbouring outputs, from the lowest four bits up the
/// first, third, fifth, seventh, second, fourth, sixth and eighth.
struct InterleavedCodes: LayerPart {
  let name = "qweight"

  func kind(_ layer: LayerOutline) throws(InputError) -> (dtypes: [DType], shape: [Int]) {
    ([.int32], [layer.grouping.columns, try Interleaving.wordCount(layer.grouping.rows)])
  }

  func size(
    in tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (rows: Int, columns: Int)? {
    let (columns, words) = try tensors.sizeOfMatrix(name, dtype: .int32)
    let (rows, overflow) = words.multipliedReportingOverflow(by: Interleaving.order.count)
    guard !overflow else {
      throw InputError(
        .malformed, place: "\(tensors.name).\(name)", "has \(words) words in a row")
    }
    return (rows, columns)
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    Interleaving.pack(weight.codes.transposed())
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) {
    layer.codes = Interleaving.unpack(tensor).transposed()
  }
}

/// The order of AWQ's kernels ("gemm"), in which eight numbers of 4 bits stand in a word.
enum Interleaving {
  /// Which of eight neighbours stands in each half of a byte, from the lowest up.
  static let order = [0, 2, 4, 6, 1, 3, 5, 7]

  static func wordCount(_ count: Int) throws(InputError) -> Int {
    guard count % order.count == 0 else {
      throw InputError(
        .unsupported, "the layer has \(count) outputs, expected a multiple of \(order.count)")
    }
    return count / order.count
  }

  /// - Parameter codes: `[rows, columns]` u8, each below 16.
  /// - Returns: `[rows, columns / 8]` i32.
  static func pack(_ codes: Tensor) -> Tensor {
    CodePacking.pack(ordered(codes, by: order), bitCount: 4, into: .int32)
  }

  /// What ``pack(_:)`` was made of.
  static func unpack(_ words: Tensor) -> Tensor {
    let columns = words.shape[1] * order.count
    var places = order
    for (place, source) in order.enumerated() { places[source] = place }
    return ordered(CodePacking.unpack(words, columns: columns, bitCount: 4), by: places)
  }

  private static func ordered(_ codes: Tensor, by order: [Int]) -> Tensor {
    Tensor(filling: codes.shape, dtype: .uint8) { result in
      codes.withUnsafeBytes { codes in
        for first in stride(from: 0, to: codes.count, by: order.count) {
          for (place, source) in order.enumerated() {
            result[first + place] = codes[first + source]
          }
        }
      }
    }
  }
}
