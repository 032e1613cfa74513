import CKernels

extension Tensor {
  /// The elements as f32.
  ///
  /// - Precondition: ``dtype`` is a floating-point type of at least 16 bits.
  public func floats() -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { target, initialized in
      withUnsafeBytes { Self.widen($0, dtype, target.baseAddress!, count) }
      initialized = count
    }
  }

  /// The same numbers in another floating-point type, rounded half to even.
  ///
  /// - Precondition: both types are floating-point types of at least 16 bits.
  public func converted(to target: DType) -> Tensor {
    if target == dtype { return self }
    var result = Tensor(zeros: shape, dtype: target)
    let values = floats()
    result.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress, !values.isEmpty else { return }
      switch target {
      case .float32: base.copyMemory(from: values, byteCount: bytes.count)
      case .float16: ck_f32_to_f16(values, base.assumingMemoryBound(to: UInt16.self), values.count)
      case .bfloat16:
        ck_f32_to_bf16(values, base.assumingMemoryBound(to: UInt16.self), values.count)
      default: preconditionFailure("cannot convert \(dtype) to \(target)")
      }
    }
    return result
  }

  private static func widen(
    _ source: UnsafeRawBufferPointer, _ dtype: DType, _ target: UnsafeMutablePointer<Float>,
    _ count: Int
  ) {
    guard let base = source.baseAddress, count > 0 else { return }
    switch dtype {
    case .float32: UnsafeMutableRawPointer(target).copyMemory(from: base, byteCount: source.count)
    case .float64: ck_f64_to_f32(base.assumingMemoryBound(to: Double.self), target, count)
    case .float16: ck_f16_to_f32(base.assumingMemoryBound(to: UInt16.self), target, count)
    case .bfloat16: ck_bf16_to_f32(base.assumingMemoryBound(to: UInt16.self), target, count)
    default: preconditionFailure("\(dtype) is not a floating-point type of at least 16 bits")
    }
  }
}
