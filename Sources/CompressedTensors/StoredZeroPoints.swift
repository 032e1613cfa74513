import Diagnostics
import Quantization
import QuantizedCheckpoints
import Tensors

/// Zero points of asymmetric integers as i8, less 2^(b-1), in the shape of the scales.
struct ByteZeroPoints: LayerPart {
  let name = TensorSuffix.zeroPoint.rawValue

  func isPart(of arguments: QuantizationArguments) -> Bool { !arguments.isSymmetric }

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    ([.int8], layer.grouping.parameterShape)
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    let shift = weight.arguments.byteShift
    return Tensor(
      bytes: (weight.zeroPoints ?? []).map { $0 &- shift }, shape: weight.grouping.parameterShape,
      dtype: .int8)
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    let arguments = layer.outline.arguments
    let zeroPoints = tensor.elements(as: UInt8.self).map { $0 &+ arguments.byteShift }
    guard zeroPoints.allSatisfy({ Int($0) < 1 << arguments.bitCount }) else {
      throw arguments.integersOutOfRange
    }
    layer.zeroPoints = zeroPoints
  }
}

/// Zero points of asymmetric integers, i32 `[ceil(O*b / 32), G]`: each column is a stream like a row of
/// ``PackedCodes/words``, of the zero points of all rows. The single one of a tensor is as in ``ByteZeroPoints``.
struct WordZeroPoints: LayerPart {
  let name = TensorSuffix.zeroPoint.rawValue

  func isPart(of arguments: QuantizationArguments) -> Bool { !arguments.isSymmetric }

  func kind(_ layer: LayerOutline) throws(InputError) -> (dtypes: [DType], shape: [Int]) {
    let grouping = layer.grouping
    if grouping.isWholeTensor { return single.kind(layer) }
    let words = try CodePacking.wordCount(grouping.rows, bitCount: layer.arguments.bitCount)
    return ([.int32], [words, grouping.groups])
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    let grouping = weight.grouping
    if grouping.isWholeTensor { return single.tensor(of: weight) }
    return CodePacking.pack(
      Tensor(bytes: weight.zeroPoints ?? [], shape: grouping.parameterShape, dtype: .uint8)
        .transposed(),
      bitCount: weight.arguments.bitCount, into: .int32
    ).transposed()
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    let grouping = layer.outline.grouping
    if grouping.isWholeTensor { return try single.read(tensor, into: &layer) }
    layer.zeroPoints = CodePacking.unpack(
      tensor.transposed(), columns: grouping.rows, bitCount: layer.outline.arguments.bitCount
    ).transposed().elements(as: UInt8.self)
  }

  private var single: ByteZeroPoints { ByteZeroPoints() }
}
