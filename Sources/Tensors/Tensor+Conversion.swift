import CKernels

extension Tensor {
  /// The elements as f32; f64 is rounded half to even.
  ///
  /// - Precondition: ``dtype`` is a floating-point type of at least 16 bits.
  public func floats() -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { target, initialized in
      if let target = target.baseAddress { read(0..<count, into: target) }
      initialized = count
    }
  }

  /// Writes the elements of a range as f32, as ``floats()`` gives them.
  ///
  /// - Parameter range: Of elements in the order of memory.
  package func read(_ range: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      Self.widen(base + range.lowerBound * dtype.byteCount, dtype, target, range.count)
    }
  }

  /// The same numbers in another floating-point type, by way of f32, each step rounded half to
  /// even.
  ///
  /// - Precondition: both types are floating-point types of at least 16 bits.
  public func converted(to target: DType) -> Tensor {
    precondition(target.isFloatingPoint, "cannot convert \(dtype) to \(target)")
    if target == dtype { return self }
    return Tensor(filling: shape, dtype: target) { output in
      withUnsafeBytes { input in
        guard let input = input.baseAddress, let output = output.baseAddress else { return }
        ThreadTeam.forRanges(of: count) { begin, end in
          Self.convert(
            input + begin * dtype.byteCount, dtype, output + begin * target.byteCount, target,
            end - begin)
        }
      }
    }
  }

  /// Writes the elements of a range as another floating-point type, as ``converted(to:)`` gives them, on the thread
  /// that asks.
  ///
  /// - Parameter range: Of elements in the order of memory.
  package func write(
    _ range: Range<Int>, as target: DType, into output: UnsafeMutableRawPointer
  ) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      let input = base + range.lowerBound * dtype.byteCount
      if target == dtype {
        output.copyMemory(from: input, byteCount: range.count * dtype.byteCount)
      } else {
        Self.convert(input, dtype, output, target, range.count)
      }
    }
  }

  private static func convert(
    _ input: UnsafeRawPointer, _ source: DType, _ output: UnsafeMutableRawPointer, _ target: DType,
    _ count: Int
  ) {
    if target == .float32 {
      return widen(input, source, output.assumingMemoryBound(to: Float.self), count)
    }
    // By way of a piece in f32 that stays in the cache.
    withUnsafeTemporaryAllocation(of: Float.self, capacity: min(count, 4096)) { piece in
      guard let wide = piece.baseAddress else { return }
      for first in stride(from: 0, to: count, by: piece.count) {
        let part = min(piece.count, count - first)
        widen(input + first * source.byteCount, source, wide, part)
        narrow(wide, output + first * target.byteCount, target, part)
      }
    }
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

  /// Writes f32 numbers as elements of a floating-point type, each rounded half to even.
  package static func narrow(
    _ source: UnsafePointer<Float>, _ target: UnsafeMutableRawPointer, _ dtype: DType, _ count: Int
  ) {
    switch dtype {
    case .float32: target.copyMemory(from: source, byteCount: 4 * count)
    case .float16: ck_f32_to_f16(source, target.assumingMemoryBound(to: UInt16.self), count)
    case .bfloat16: ck_f32_to_bf16(source, target.assumingMemoryBound(to: UInt16.self), count)
    case .float64:
      let doubles = target.bindMemory(to: Double.self, capacity: count)
      for index in 0..<count { doubles[index] = Double(source[index]) }
    default: preconditionFailure("\(dtype) is not a floating-point type of at least 16 bits")
    }
  }
}
