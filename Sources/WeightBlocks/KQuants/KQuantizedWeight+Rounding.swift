package import Diagnostics
package import Tensors

extension KQuantizedWeight {
  /// Rounds a weight.
  ///
  /// Scales are searched so that the rounded weight loses least, as AutoRound does it without
  /// tuning. All arithmetic is f32, and a result has the same bits for every number of threads.
  ///
  /// With f32 scales the numbers are AutoRound's, but where it gives none that a file can hold or
  /// NaN: for sub-blocks that are above zero throughout (``AffineSearch``), for columns without
  /// importance (``ColumnImportance``), and where a scale has nothing to do with its weights
  /// (``SymmetricDescent``).
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, a floating-point type of at least 16 bits; columns in full
  ///     super-blocks.
  ///   - importance: What an error in a column weighs, at least 0: the mean square of the column's
  ///     inputs, say. Nil, or all zeros: what follows from the elements themselves.
  ///   - scaleDType: The type that super-block scales are stored in. Codes are chosen for scales in
  ///     it: f16 as files have it, or f32, with which the reference computes.
  /// - Throws: `malformed` for a weight that is empty or has not two dimensions; `unsupported` for
  ///   other types of elements and numbers of columns; `notFinite` for elements that are NaN or
  ///   beyond the range of f16, where sums of the search would leave that of f32; `invalidValue`
  ///   for an importance of another length or with numbers that are negative, infinite or NaN.
  package init(
    _ weight: Tensor, type: KQuantType, importance: [Float]? = nil, scaleDType: DType = .float16
  ) throws(InputError) {
    precondition(scaleDType == .float16 || scaleDType == .float32, "f16 or f32 for scales")
    let elements = try Self.numbers(
      weight, blockSize: KQuantType.superBlockSize, type: type.rawValue)
    let (rows, columns) = (weight.shape[0], weight.shape[1])
    if let importance { try Self.requireWeights(importance, columns: columns) }

    let rounding = SuperBlockRounding(
      type: type, importance: importance.flatMap { ColumnImportance($0, type: type) },
      scaleDType: scaleDType)
    var superBlocks: [KQuantSuperBlock] = []
    let codes = [UInt8](unsafeUninitializedCapacity: elements.count) { codes, count in
      count = elements.count
      let blockCount = elements.count / KQuantType.superBlockSize
      superBlocks = [KQuantSuperBlock](unsafeUninitializedCapacity: blockCount) { blocks, count in
        count = blockCount
        guard let codes = codes.baseAddress, let blocks = blocks.baseAddress else { return }
        rounding.round(elements, codes: codes, superBlocks: blocks)
      }
    }
    self.init(
      type: type, rows: rows, columns: columns, codes: codes, superBlocks: superBlocks,
      scaleDType: scaleDType)
  }

  /// A weight in f32, if its rows are of whole blocks of `blockSize` and its numbers can be rounded.
  static func numbers(
    _ weight: Tensor, blockSize: Int, type: String
  ) throws(InputError) -> Tensor {
    guard weight.shape.count == 2 else {
      throw InputError(.malformed, "the weight has shape \(weight.shape), expected two dimensions")
    }
    guard weight.count > 0 else {
      throw InputError(.malformed, "the weight is empty: its shape is \(weight.shape)")
    }
    guard weight.dtype.isFloatingPoint else {
      throw InputError(
        .unsupported,
        "the weight has elements of type \(weight.dtype.rawValue), expected f64, f32, f16 or bf16")
    }
    guard weight.shape[1] % blockSize == 0 else {
      throw InputError(
        .unsupported,
        "the weight has \(weight.shape[1]) columns; \(type) needs a multiple of \(blockSize)")
    }
    let elements = weight.converted(to: .float32)
    try requireNumbers(elements)
    return elements
  }

  static func requireWeights(
    _ importance: [Float], columns: Int
  ) throws(InputError) {
    guard importance.count == columns else {
      throw InputError(
        .invalidValue, place: "importance",
        "found \(importance.count) numbers, expected one for each of \(columns) columns")
    }
    guard let bad = importance.firstIndex(where: { !($0.isFinite && $0 >= 0) }) else { return }
    throw InputError(
      .invalidValue, place: "importance",
      "found \(importance[bad]) for column \(bad), expected a number that is not negative")
  }

  /// - Parameter weight: `[rows, columns]`, f32.
  private static func requireNumbers(_ weight: Tensor) throws(InputError) {
    let limit: Float = 65504
    guard let row = weight.largestMagnitudes.firstIndex(where: { !($0 <= limit) }) else { return }
    throw InputError(
      .notFinite,
      "row \(row) of the weight has an element that is infinite, NaN or beyond the range of f16")
  }
}
