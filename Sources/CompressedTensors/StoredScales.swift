import CKernels
import Diagnostics
import Quantization
import QuantizedCheckpoints
import Tensors

/// The scales of a weight, in the shape ``WeightGrouping/parameterShape``.
enum Scales: LayerPart {
  /// Floats of the type that the weight had.
  case floats
  /// Powers of two, as a byte with the exponent plus 127: E8M0, u8.
  case exponents
  /// f8e4m3 numbers, all of which ``GlobalScale`` divides.
  case relative

  var name: String { TensorSuffix.scale.rawValue }
  var holdsScales: Bool { true }

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    let dtypes: [DType] =
      switch self {
      case .floats: layer.scaleDType.map { [$0] } ?? DType.ofWeights
      case .exponents: [.uint8, .float8E8M0]
      case .relative: [.float8E4M3]
      }
    return (dtypes, layer.grouping.parameterShape)
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    let (scales, shape) = (weight.scales, weight.grouping.parameterShape)
    switch self {
    case .floats:
      return Tensor(scales, shape: shape).converted(to: weight.scaleDType)
    case .exponents:
      // 2^-127 is no normal number; its exponent field of 0 is the byte that it has.
      let bytes = scales.map { UInt8(truncatingIfNeeded: $0.bitPattern >> 23) }
      return Tensor(bytes: bytes, shape: shape, dtype: .uint8)
    case .relative:
      let bytes = [UInt8](unsafeUninitializedCapacity: scales.count) { bytes, count in
        count = scales.count
        ck_f32_to_e4m3(scales, bytes.baseAddress, count)
      }
      return Tensor(bytes: bytes, shape: shape, dtype: .float8E4M3)
    }
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    layer.scaleDType = tensor.dtype
    switch self {
    case .floats:
      layer.scales = try tensor.finiteFloats()
    case .exponents:
      let bytes = tensor.elements(as: UInt8.self)
      guard bytes.allSatisfy({ $0 != 255 }) else { throw InputError(.notFinite, "a scale is NaN") }
      layer.scales = bytes.map { $0 == 0 ? 0x1p-127 : Float(bitPattern: UInt32($0) << 23) }
      layer.scaleDType = .uint8
    case .relative:
      try tensor.requireE4M3Numbers()
      let bytes = tensor.elements(as: UInt8.self)
      layer.scales = [Float](unsafeUninitializedCapacity: bytes.count) { numbers, count in
        count = bytes.count
        ck_e4m3_to_f32(bytes, numbers.baseAddress, count)
      }
    }
  }
}

/// What ``Scales/relative`` are divided by, f32 `[1]`. A weight of zeros, which has none, is stored with 1.
struct GlobalScale: LayerPart {
  let name = TensorSuffix.globalScale.rawValue

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    ([.float32, .bfloat16, .float16], [1])
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    let scale = weight.globalScale ?? 1
    return Tensor([scale == 0 ? 1 : scale], shape: [1])
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    let scale = try tensor.finiteFloats()[0]
    guard scale > 0 else {
      throw InputError(.malformed, "found \(scale), expected a positive number")
    }
    layer.globalScale = scale
  }
}
