import Diagnostics
import Quantization
import QuantizedCheckpoints
import Tensors

/// Codes in u32, `[O, I*b / 32]`: each row is a dense stream. See ``CodePacking``.
struct RowCodes: LayerPart {
  static let suffix = "weight"
  let name = RowCodes.suffix

  func kind(_ layer: LayerOutline) throws(InputError) -> (dtypes: [DType], shape: [Int]) {
    let columns = layer.grouping.columns
    let size = layer.arguments.groupSize ?? columns
    guard columns % size == 0 else {
      throw InputError(
        .unsupported, "the layer has \(columns) inputs, expected a multiple of \(size), its group")
    }
    let words = try CodePacking.wordCount(columns, bitCount: layer.arguments.bitCount)
    return ([.uint32], [layer.grouping.rows, words])
  }

  func size(
    in tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (rows: Int, columns: Int)? {
    let (rows, words) = try tensors.sizeOfMatrix(name, dtype: .uint32)
    guard let columns = CodePacking.codeCount(ofWords: words, bitCount: arguments.bitCount) else {
      throw InputError(
        .malformed, place: "\(tensors.name).\(name)",
        "has \(words) words in a row, which are no whole number of \(arguments.bitCount)-bit integers"
      )
    }
    return (rows, columns)
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    CodePacking.pack(weight.codes, bitCount: weight.arguments.bitCount, into: .uint32)
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) {
    layer.codes = CodePacking.unpack(
      tensor, columns: layer.outline.grouping.columns, bitCount: layer.outline.arguments.bitCount)
  }
}

/// What the codes of groups are multiplied with, `[O, G]`.
struct RowScales: LayerPart {
  static let suffix = "scales"
  let name = RowScales.suffix
  let holdsScales = true

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    layer.kindOfRowParameters
  }

  func tensor(of weight: QuantizedWeight) -> Tensor { weight.rowParameters(weight.scales) }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    if let dtype = layer.scaleDType, dtype != tensor.dtype {
      throw InputError(
        .unsupported,
        "has elements of type \(tensor.dtype.rawValue), expected \(dtype.rawValue) as the biases")
    }
    layer.scaleDType = tensor.dtype
    layer.scales = try tensor.finiteFloats()
    try takeZeroPoints(of: &layer)
  }

  /// Takes biases for zero points where these say the same.
  private func takeZeroPoints(of layer: inout LayerNumbers) throws(InputError) {
    guard let biases = layer.biases else { return }
    let arguments = layer.outline.arguments
    let points = QuantizedWeight.zeroPoints(
      ofBiases: biases, scales: layer.scales, bitCount: arguments.bitCount)
    if arguments.isSymmetric {
      guard let points, points.allSatisfy({ Int($0) == 1 << (arguments.bitCount - 1) }) else {
        throw InputError(
          .malformed, "beside them are biases other than those of symmetric weights")
      }
      layer.biases = nil
    } else if points != nil {
      (layer.zeroPoints, layer.biases) = (points, nil)
    }
  }
}

/// What is added then, `[O, G]`, in the type of the scales: of a tuned weight `-scale * zero point`, rounded.
struct RowBiases: LayerPart {
  static let suffix = "biases"
  let name = RowBiases.suffix
  let holdsBiases = true

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    layer.kindOfRowParameters
  }

  /// Zero points may be greater than what the type of the scales has room for as products with them.
  func requireHolds(_ weight: QuantizedWeight) throws(InputError) {
    guard let index = weight.storedBiases.firstIndex(where: { !$0.isFinite }) else { return }
    throw InputError(
      .unsupported,
      "a scale is \(weight.scales[index]), whose product with the zero point \(weight.scaleDType.rawValue) does not hold"
    )
  }

  func tensor(of weight: QuantizedWeight) -> Tensor { weight.rowParameters(weight.storedBiases) }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    layer.scaleDType = tensor.dtype
    layer.biases = try tensor.finiteFloats()
  }
}

extension LayerOutline {
  fileprivate var kindOfRowParameters: (dtypes: [DType], shape: [Int]) {
    (scaleDType.map { [$0] } ?? DType.ofWeights, grouping.parameterShape)
  }
}

extension QuantizedWeight {
  fileprivate func rowParameters(_ numbers: [Float]) -> Tensor {
    Tensor(numbers, shape: grouping.parameterShape).converted(to: scaleDType)
  }
}
