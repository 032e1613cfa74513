import Diagnostics
import Quantization
import Tensors

/// One tensor of a quantized layer. The same value plans it, writes it and reads it back.
protocol LayerPart: Sendable {
  var suffix: TensorSuffix { get }

  /// Whether a layer has it.
  func isPart(of arguments: QuantizationArguments) -> Bool

  /// The types that it may have, of which the first one is written, and its shape.
  func kind(_ layer: LayerOutline) throws(InputError) -> (dtypes: [DType], shape: [Int])

  /// Rows and columns of the weight, where a stored tensor of this kind tells them.
  func size(
    in tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (rows: Int, columns: Int)?

  /// What it is for a weight.
  func tensor(of weight: QuantizedWeight) -> Tensor

  /// Takes what a tensor of the right type and shape says.
  ///
  /// - Throws: `malformed` or `notFinite`, without a place.
  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError)
}

extension LayerPart {
  func isPart(of arguments: QuantizationArguments) -> Bool { true }

  func size(
    in tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (rows: Int, columns: Int)? { nil }
}

/// What decides the types and shapes of a layer's tensors.
struct LayerOutline {
  let arguments: QuantizationArguments
  let grouping: WeightGrouping
  /// The type that scales are to be stored in where the format leaves it open; nil for any, when reading.
  let scaleDType: DType?
}

/// What the tensors of a layer have said so far.
struct LayerNumbers {
  let outline: LayerOutline
  var codes: Tensor?
  var scales: [Float] = []
  var scaleDType: DType?
  var zeroPoints: [UInt8]?
  var globalScale: Float?

  /// The weight, once every part was read.
  var weight: QuantizedWeight {
    guard let codes, let scaleDType else { preconditionFailure("a layout without codes or scales") }
    return QuantizedWeight(
      arguments: outline.arguments, grouping: outline.grouping, codes: codes, scales: scales,
      zeroPoints: zeroPoints, globalScale: globalScale, scaleDType: scaleDType)
  }
}
