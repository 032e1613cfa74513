import CKernels
import Diagnostics
import Quantization
import Tensors

/// Scales as floats of the type that the weight had, ``WeightGrouping/parameterShape``.
struct FloatScales: LayerPart {
  let suffix = TensorSuffix.scale

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    (layer.scaleDType.map { [$0] } ?? DType.ofWeights, layer.grouping.parameterShape)
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    Tensor(weight.scales, shape: weight.grouping.parameterShape).converted(to: weight.scaleDType)
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    (layer.scales, layer.scaleDType) = (try tensor.finiteFloats(), tensor.dtype)
  }
}

/// Scales that are powers of two, as a byte with the exponent plus 127: E8M0, u8 `[O, G]`.
struct ExponentScales: LayerPart {
  let suffix = TensorSuffix.scale

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    ([.uint8, .float8E8M0], layer.grouping.parameterShape)
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    // 2^-127 is no normal number; its exponent field of 0 is the byte that it has.
    let bytes = weight.scales.map { UInt8(truncatingIfNeeded: $0.bitPattern >> 23) }
    return Tensor(bytes: bytes, shape: weight.grouping.parameterShape, dtype: .uint8)
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    let bytes = tensor.bytes
    guard bytes.allSatisfy({ $0 != 255 }) else { throw InputError(.notFinite, "a scale is NaN") }
    layer.scales = bytes.map { $0 == 0 ? 0x1p-127 : Float(bitPattern: UInt32($0) << 23) }
    layer.scaleDType = .uint8
  }
}

/// Scales that ``GlobalScale`` divides, f8e4m3 `[O, G]`.
struct RelativeScales: LayerPart {
  let suffix = TensorSuffix.scale

  func kind(_ layer: LayerOutline) -> (dtypes: [DType], shape: [Int]) {
    ([.float8E4M3], layer.grouping.parameterShape)
  }

  func tensor(of weight: QuantizedWeight) -> Tensor {
    let bytes = [UInt8](unsafeUninitializedCapacity: weight.scales.count) { bytes, count in
      count = weight.scales.count
      ck_f32_to_e4m3(weight.scales, bytes.baseAddress, count)
    }
    return Tensor(bytes: bytes, shape: weight.grouping.parameterShape, dtype: .float8E4M3)
  }

  func read(_ tensor: Tensor, into layer: inout LayerNumbers) throws(InputError) {
    try tensor.requireE4M3Numbers()
    let bytes = tensor.bytes
    layer.scales = [Float](unsafeUninitializedCapacity: bytes.count) { numbers, count in
      count = bytes.count
      ck_e4m3_to_f32(bytes, numbers.baseAddress, count)
    }
    layer.scaleDType = .float8E4M3
  }
}

/// What ``RelativeScales`` are divided by, f32 `[1]`. A weight of zeros, which has none, is stored with 1.
struct GlobalScale: LayerPart {
  let suffix = TensorSuffix.globalScale

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

extension Tensor {
  /// Floating-point elements, none of which may be infinite or NaN.
  fileprivate func finiteFloats() throws(InputError) -> [Float] {
    let numbers = floats()
    guard numbers.allSatisfy(\.isFinite) else {
      throw InputError(.notFinite, "a number is infinite or NaN")
    }
    return numbers
  }
}
