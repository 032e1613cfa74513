package import Diagnostics
package import Quantization
package import Tensors
package import WeightBlocks

extension GGUFTensorType {
  package init(_ type: BlockType) {
    switch type {
    case .scaleBlocks(let type): self.init(type)
    case .superBlocks(let type): self.init(type)
    }
  }

  /// The kind of block; nil where elements are stored one by one.
  package var blocks: BlockType? {
    if case .blocks(let type) = storage { type } else { nil }
  }

  /// What a weight in blocks of this type is: integers in groups. Nil where elements are stored one by one.
  ///
  /// - Parameter asBlocks: Whether blocks that files of llama.cpp alone have are called such, rather than what any format
  ///   may hold.
  package func integers(asBlocks: Bool) -> QuantizationArguments? {
    guard let blocks else { return nil }
    var arguments = QuantizationArguments(blocks)
    if !asBlocks { arguments.blocks = nil }
    return arguments
  }

  /// The least type in which the scales of groups and their minimums are exact: that of files, or f32 for the products of
  /// such a number and an integer.
  package var scaleDType: DType {
    if case .blocks(.superBlocks) = storage { .float32 } else { .float16 }
  }

  /// The integers and scales that blocks of this type hold.
  ///
  /// - Parameters:
  ///   - bytes: `[rows, bytes of a row]`, u8, of whole blocks.
  ///   - asBlocks: As for ``integers(asBlocks:)``: what blocks are made of is kept.
  package func weight(ofBlocks bytes: Tensor, asBlocks: Bool) -> QuantizedWeight {
    let codes: [UInt8]
    let scales: [Float]
    let biases: [Float]?
    var superBlocks: [KQuantSuperBlock]?
    switch storage {
    case .plain: preconditionFailure("\(name) has no blocks")
    case .blocks(.scaleBlocks(let type)):
      let weight = ScaleBlockWeight(bytes: bytes, type: type)
      (codes, scales, biases) = (weight.codes, weight.scales, weight.minimums)
    case .blocks(.superBlocks(let type)):
      let weight = KQuantizedWeight(bytes: bytes, type: type)
      (codes, scales, biases) = (weight.codes, weight.scales, weight.minimums?.map { -$0 })
      superBlocks = asBlocks ? weight.superBlocks : nil
    }
    let (rows, columns) = (bytes.shape[0], bytes.shape[1] / blockByteCount * blockSize)
    guard let arguments = integers(asBlocks: asBlocks),
      let grouping = try? arguments.grouping(rows: rows, columns: columns)
    else { preconditionFailure("\(name) has no integers in groups") }
    let zeroPoints = (arguments.blocks == nil ? biases : nil).flatMap {
      QuantizedWeight.zeroPoints(ofBiases: $0, scales: scales, bitCount: arguments.bitCount)
    }
    return QuantizedWeight(
      arguments: arguments, grouping: grouping,
      codes: Tensor(codes, shape: [rows, columns], dtype: .uint8), scales: scales,
      zeroPoints: zeroPoints, biases: zeroPoints == nil ? biases : nil, superBlocks: superBlocks,
      scaleDType: scaleDType)
  }

  /// The numbers of a row, found on the thread that asks.
  ///
  /// - Parameter row: `[1, elements or bytes of the row]`.
  package func numbers(ofRow row: Tensor) -> [Float] {
    guard !isPlain else { return row.floats() }
    let weight = weight(ofBlocks: row, asBlocks: false)
    return [Float](unsafeUninitializedCapacity: weight.columns) { numbers, count in
      count = weight.columns
      guard let base = numbers.baseAddress else { return }
      weight.write(
        rows: 0..<1, columns: 0..<count, into: base, dtype: .float32, rowStride: count)
    }
  }

  /// A tuned weight in blocks of this type, as files have them: its own codes and scales, nothing of which is computed
  /// again.
  ///
  /// - Throws: `unsupported` for numbers that the type does not hold as they are; `malformed` if the blocks, read again,
  ///   are other numbers than the weight's.
  package func blocks(of weight: QuantizedWeight) throws(InputError) -> Tensor {
    let bytes: Tensor
    switch storage {
    case .plain: preconditionFailure("\(name) has no blocks")
    case .blocks(.superBlocks(let type)): bytes = KQuantizedWeight(weight, type: type).bytes
    case .blocks(.scaleBlocks(let type)):
      bytes =
        try weight.arguments.blocks == nil
        ? ScaleBlockWeight(weight, type: type).bytes
        : ScaleBlockWeight(searched: weight, type: type).bytes
    }
    for rows in RowPieces.ranges(of: weight.rows, rowSize: weight.columns, limit: 1 << 20) {
      let expected = Tensor(filling: [rows.count, weight.columns], dtype: .float32) { target in
        guard let target = target.baseAddress else { return }
        weight.write(
          rows: rows, columns: 0..<weight.columns, into: target, dtype: .float32,
          rowStride: weight.columns)
      }
      guard numbers(bytes.slice(rows)).floats() == expected.floats() else {
        throw InputError(
          .malformed, place: "rows from \(rows.lowerBound)",
          "blocks of \(name) do not give the numbers that they were made of")
      }
    }
    return bytes
  }
}
