import Foundation

/// A dense, row-major array of one ``DType``: a value over shared bytes.
///
/// Copies share their bytes; writing through ``withUnsafeMutableBytes(_:)`` copies first when the
/// bytes are shared or belong to a mapped file. There are no operations here: arithmetic lives in
/// the layers above.
public struct Tensor: Sendable, Equatable {
  /// The type of every element.
  public let dtype: DType
  /// Extent of each dimension, outermost first; empty for a scalar.
  public let shape: [Int]
  private var storage: TensorStorage
  private let byteOffset: Int

  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// Bytes of all elements.
  public var byteCount: Int { count * dtype.byteCount }

  /// A tensor of zeros.
  public init(zeros shape: [Int], dtype: DType) {
    self.init(
      dtype: dtype, shape: shape,
      storage: TensorStorage(zeroed: shape.reduce(1, *) * dtype.byteCount), byteOffset: 0)
  }

  /// A tensor whose bytes `fill` writes, all of them.
  package init(
    filling shape: [Int], dtype: DType, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void
  ) rethrows {
    let storage = TensorStorage(uninitialized: shape.reduce(1, *) * dtype.byteCount)
    try fill(UnsafeMutableRawBufferPointer(start: storage.base, count: storage.byteCount))
    self.init(dtype: dtype, shape: shape, storage: storage, byteOffset: 0)
  }

  /// A view of `storage`; the range must lie within it.
  package init(dtype: DType, shape: [Int], storage: TensorStorage, byteOffset: Int) {
    precondition(shape.allSatisfy { $0 >= 0 }, "a shape has no negative extents: \(shape)")
    self.dtype = dtype
    self.shape = shape
    self.storage = storage
    self.byteOffset = byteOffset
    precondition(
      byteOffset >= 0 && byteOffset + byteCount <= storage.byteCount,
      "a tensor of \(byteCount) bytes at \(byteOffset) does not fit into \(storage.byteCount) bytes"
    )
  }

  /// A tensor with a copy of `elements`, whose size must be that of `dtype`.
  public init<Element: BitwiseCopyable>(_ elements: [Element], shape: [Int], dtype: DType) {
    precondition(MemoryLayout<Element>.stride == dtype.byteCount, "\(Element.self) is not \(dtype)")
    precondition(elements.count == shape.reduce(1, *), "\(elements.count) elements for \(shape)")
    self.init(filling: shape, dtype: dtype) { target in
      elements.withUnsafeBytes { target.copyMemory(from: $0) }
    }
  }

  /// A tensor with a copy of `bytes`, as many as its shape takes.
  package init(bytes: [UInt8], shape: [Int], dtype: DType) {
    precondition(
      bytes.count == shape.reduce(1, *) * dtype.byteCount,
      "\(bytes.count) bytes for \(dtype) \(shape)")
    self.init(filling: shape, dtype: dtype) { $0.copyBytes(from: bytes) }
  }

  /// An f32 tensor with a copy of `elements`.
  public init(_ elements: [Float], shape: [Int]) {
    self.init(elements, shape: shape, dtype: .float32)
  }

  /// Reads the bytes of all elements.
  public func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(storage) {
      try body(UnsafeRawBufferPointer(start: storage.base + byteOffset, count: byteCount))
    }
  }

  /// Writes the bytes of all elements, after taking a copy if they are shared or read-only.
  public mutating func withUnsafeMutableBytes<Result>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    if !storage.isWritable || !isKnownUniquelyReferenced(&storage) {
      self = contiguousCopy()
    }
    return try body(
      UnsafeMutableRawBufferPointer(start: storage.base + byteOffset, count: byteCount))
  }

  /// The elements as `Element`, whose size must be that of ``dtype``.
  public func elements<Element: BitwiseCopyable>(as type: Element.Type) -> [Element] {
    precondition(MemoryLayout<Element>.stride == dtype.byteCount, "\(Element.self) is not \(dtype)")
    return withUnsafeBytes { bytes in
      [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
        initialized = count
      }
    }
  }

  /// The same bytes as elements of another type of the same size.
  package func reinterpreted(as dtype: DType) -> Tensor {
    precondition(dtype.byteCount == self.dtype.byteCount, "\(self.dtype) is not \(dtype)")
    return Tensor(dtype: dtype, shape: shape, storage: storage, byteOffset: byteOffset)
  }

  /// The same elements in another shape, sharing bytes.
  package func reshaped(_ shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == count, "\(self.shape) has no shape \(shape)")
    return Tensor(dtype: dtype, shape: shape, storage: storage, byteOffset: byteOffset)
  }

  /// The slices `range` along the first dimension, sharing bytes.
  public func slice(_ range: Range<Int>) -> Tensor {
    precondition(!shape.isEmpty && range.lowerBound >= 0 && range.upperBound <= shape[0])
    let stride = shape.dropFirst().reduce(1, *) * dtype.byteCount
    return Tensor(
      dtype: dtype, shape: [range.count] + shape.dropFirst(), storage: storage,
      byteOffset: byteOffset + range.lowerBound * stride)
  }

  /// Gives the memory of the tensor's elements back to the system if they are part of a mapped file.
  package func releasePages() {
    storage.releasePages(in: byteOffset..<byteOffset + byteCount)
  }

  /// Whether two tensors have the same type, shape and bytes: numbers are not compared as such.
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.dtype == b.dtype, a.shape == b.shape else { return false }
    return a.withUnsafeBytes { first in
      b.withUnsafeBytes { second in
        guard let first = first.baseAddress, let second = second.baseAddress else { return true }
        return memcmp(first, second, a.byteCount) == 0
      }
    }
  }

  private func contiguousCopy() -> Tensor {
    withUnsafeBytes { source in
      Tensor(filling: shape, dtype: dtype) { $0.copyMemory(from: source) }
    }
  }
}
