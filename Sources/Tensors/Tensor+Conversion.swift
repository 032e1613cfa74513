import CKernels

extension Tensor {
  /// The elements as f32; f64 is rounded half to even.
  ///
  /// - Precondition: ``dtype`` is a floating-point type of at least 16 bits.
  public func floats() -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { target, initialized in
      withUnsafeBytes { source in
        guard let source = source.baseAddress, let target = target.baseAddress, count > 0 else {
          return
        }
        Self.widen(source, dtype, target, count)
      }
      initialized = count
    }
  }

  /// The same numbers in another floating-point type, by way of f32, each step rounded half to
  /// even.
  ///
  /// - Precondition: both types are floating-point types of at least 16 bits.
  public func converted(to target: DType) -> Tensor {
    precondition(target.isFloatingPoint, "cannot convert \(dtype) to \(target)")
    if target == dtype { return self }
    var result = Tensor(zeros: shape, dtype: target)
    let values = floats()
    result.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress, !values.isEmpty else { return }
      switch target {
      case .float16: ck_f32_to_f16(values, base.assumingMemoryBound(to: UInt16.self), values.count)
      case .bfloat16:
        ck_f32_to_bf16(values, base.assumingMemoryBound(to: UInt16.self), values.count)
      case .float64:
        let doubles = base.bindMemory(to: Double.self, capacity: values.count)
        for (index, value) in values.enumerated() { doubles[index] = Double(value) }
      default: base.copyMemory(from: values, byteCount: bytes.count)
      }
    }
    return result
  }

  private static func widen(
    _ source: UnsafeRawPointer, _ dtype: DType, _ target: UnsafeMutablePointer<Float>, _ count: Int
  ) {
    switch dtype {
    case .float32:
      UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: 4 * count)
    case .float64: ck_f64_to_f32(source.assumingMemoryBound(to: Double.self), target, count)
    case .float16: ck_f16_to_f32(source.assumingMemoryBound(to: UInt16.self), target, count)
    case .bfloat16: ck_bf16_to_f32(source.assumingMemoryBound(to: UInt16.self), target, count)
    default: preconditionFailure("\(dtype) is not a floating-point type of at least 16 bits")
    }
  }
}
