package import Diagnostics
package import Quantization
package import Tensors

/// One tensor of a quantized layer. The same value plans it, writes it and reads it back.
package protocol LayerPart: Sendable {
  /// What the tensor is called in its layer: `weight_scale`.
  var name: String { get }

  /// Whether it only says how to read the others.
  var isRecord: Bool { get }

  /// Whether the scales of groups are in it.
  var holdsScales: Bool { get }

  /// Whether it says what is added to the products of codes and scales, whatever that is.
  var holdsBiases: Bool { get }

  /// Whether a layer has it.
  func isPart(of arguments: QuantizationArguments) -> Bool

  /// The types that it may have, of which the first one is written, and its shape.
  func kind(_ layer: LayerOutline) throws(InputError) -> (dtypes: [DType], shape: [Int])

  /// Rows and columns of the weight, where a stored tensor of this kind tells them.
  func size(
    in tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (rows: Int, columns: Int)?

  /// Refuses a weight whose numbers it would change.
  ///
  /// - Throws: `unsupported`, without a place.
  func requireHolds(_ weight: QuantizedWeight) throws(InputError)

  /// What it is for a weight.
  func tensor(of weight: QuantizedWeight) -> Tensor

  /// Takes what a tensor of the right type and shape says.
  ///
  /// - Throws: `malformed` or `notFinite`, without a place.
  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError)
}

extension LayerPart {
  package var isRecord: Bool { false }
  package var holdsScales: Bool { false }
  package var holdsBiases: Bool { false }
  package func isPart(of arguments: QuantizationArguments) -> Bool { true }
  package func requireHolds(_ weight: QuantizedWeight) throws(InputError) {}

  package func size(
    in tensors: LayerTensors, _ arguments: QuantizationArguments
  ) throws(InputError) -> (rows: Int, columns: Int)? { nil }
}

/// What decides the types and shapes of a layer's tensors.
package struct LayerOutline {
  package let arguments: QuantizationArguments
  package let grouping: WeightGrouping
  /// The type that scales are to be stored in where the format leaves it open; nil for any, when reading.
  package let scaleDType: DType?
}

/// What the tensors of a layer have said so far.
package struct LayerNumbers {
  package let outline: LayerOutline
  package var codes: Tensor?
  package var scales: [Float] = []
  package var scaleDType: DType?
  package var zeroPoints: [UInt8]?
  /// In the place of zero points.
  package var biases: [Float]?
  package var globalScale: Float?

  init(outline: LayerOutline) { self.outline = outline }

  /// The weight, once every part was read.
  var weight: QuantizedWeight {
    guard let codes, let scaleDType else { preconditionFailure("a layout without codes or scales") }
    return QuantizedWeight(
      arguments: outline.arguments, grouping: outline.grouping, codes: codes, scales: scales,
      zeroPoints: zeroPoints, biases: biases, globalScale: globalScale, scaleDType: scaleDType)
  }
}
