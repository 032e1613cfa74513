import Tensors

/// Rounds the super-blocks of one weight: how is the same for all of them.
///
/// Three steps: a scale (and a minimum) for each sub-block, searched in f32; integers for these
/// with a common scale; the codes that are nearest with what is then stored.
struct SuperBlockRounding {
  let type: KQuantType
  let importance: ColumnImportance?
  /// The type that super-block scales are stored in, f16 or f32.
  let scaleDType: DType

  /// Whether the result is AutoRound's, as it is in f32.
  private var isReference: Bool { scaleDType == .float32 }

  /// Rounds all of a weight.
  ///
  /// - Parameters:
  ///   - weight: `[rows, columns]`, f32, columns in full super-blocks.
  ///   - codes: Where to write a code for each element.
  ///   - superBlocks: Where to write what each super-block has in common.
  func round(
    _ weight: Tensor, codes: UnsafeMutablePointer<UInt8>,
    superBlocks: UnsafeMutablePointer<KQuantSuperBlock>
  ) {
    let size = KQuantType.superBlockSize
    let blocksInRow = weight.shape[1] / size
    weight.withUnsafeBytes { bytes in
      guard let elements = bytes.assumingMemoryBound(to: Float.self).baseAddress else { return }
      ThreadTeam.forRanges(of: weight.count / size) { begin, end in
        withUnsafeTemporaryAllocation(of: Lanes.self, capacity: SuperBlockMemory.count) { buffer in
          guard let base = buffer.baseAddress else { return }
          let memory = SuperBlockMemory(base)
          for index in begin..<end {
            memory.load(elements + index * size)
            let block = round(index % blocksInRow, memory, codes: codes + index * size)
            (superBlocks + index).initialize(to: block)
          }
        }
      }
    }
  }

  /// Rounds one super-block.
  ///
  /// - Parameters:
  ///   - index: Which one of its row it is.
  ///   - memory: Holds its weights.
  ///   - codes: Where to write its codes, `superBlockSize` of them.
  private func round(
    _ index: Int, _ memory: SuperBlockMemory, codes: UnsafeMutablePointer<UInt8>
  ) -> KQuantSuperBlock {
    writeWeights(index, memory)
    var result = type.isAsymmetric ? roundAsymmetric(memory) : roundSymmetric(memory)
    if !isReference {
      result = SuperBlockDescent(type: type, memory: memory, stored: stored).improved(result)
    }
    writeCodes(result, of: memory, to: codes)
    return result
  }

  /// Pieces of a sub-block.
  private var pieces: Int { type.subBlockSize / Lanes.scalarCount }
  /// Pieces of a number for each sub-block.
  private var numberPieces: Int { type.subBlockCount / Lanes.scalarCount }

  private func roundAsymmetric(_ memory: SuperBlockMemory) -> KQuantSuperBlock {
    let search = AffineSearch(type: type, isImportanceKnown: importance != nil)
    for subBlock in 0..<type.subBlockCount {
      let x = UnsafePointer(memory.x + subBlock * pieces)
      let weight = UnsafePointer(memory.errorWeights + subBlock * pieces)
      memory.weightSums.set(subBlock, to: sum(weight))
      let found = search.search(x, weight, count: pieces)
      memory.scales.set(subBlock, to: found.scale)
      memory.minimums.set(subBlock, to: found.minimum)
    }
    let greatest = Float(type.scaleRange.upperBound)
    func common(_ values: UnsafeMutablePointer<Lanes>) -> Float {
      importance == nil
        ? SuperScale.ofGreatest(values, count: numberPieces, integer: greatest)
        : SuperScale.searched(
          values, memory.weightSums, count: numberPieces, integer: greatest)
    }
    let (scale, minimumScale) = (common(memory.scales), common(memory.minimums))
    return KQuantSuperBlock(
      scale: stored(scale), minimumScale: stored(minimumScale),
      scales: integers(memory.scales), minimums: integers(memory.minimums))
  }

  private func roundSymmetric(_ memory: SuperBlockMemory) -> KQuantSuperBlock {
    let middle = Float(1 << (type.bitCount - 1))
    let (search, descent) = (SymmetricSearch(middle: middle), SymmetricDescent(middle: middle))
    for subBlock in 0..<type.subBlockCount {
      let x = UnsafePointer(memory.x + subBlock * pieces)
      let scale =
        type == .q3K && importance == nil && isReference
        ? descent.search(x, count: pieces)
        : search.search(
          x, UnsafePointer(memory.errorWeights + subBlock * pieces), count: pieces)
      memory.scales.set(subBlock, to: scale)
    }
    let scale = SuperScale.ofLargest(
      memory.scales, count: numberPieces, middle: Float(-type.scaleRange.lowerBound))
    return KQuantSuperBlock(
      scale: stored(scale), minimumScale: 0, scales: integers(memory.scales), minimums: .zero)
  }

  /// Writes what errors weigh in a super-block.
  ///
  /// The columns' importance, or 1, times `sqrt(1 + w²/s)`, s the mean square of the super-block: as in llama.cpp, because
  /// models lose less than by the importance alone. In sub-blocks of which nothing is known the mean importance of all
  /// columns stands for it. AutoRound's weights are the importance alone.
  private func writeWeights(_ index: Int, _ memory: SuperBlockMemory) {
    var squares = memory.x[0] * memory.x[0]
    for i in 1..<SuperBlockMemory.laneCount { squares += memory.x[i] * memory.x[i] }
    let inverse = (squares.total / Float(KQuantType.superBlockSize)).reciprocalOrZero
    for subBlock in 0..<type.subBlockCount {
      let weights = memory.errorWeights + subBlock * pieces
      let x = UnsafePointer(memory.x + subBlock * pieces)
      let group = index * type.subBlockCount + subBlock
      let known = importance.flatMap { $0.fallsBack[group] ? nil : $0 }
      if known == nil, isReference {
        let kind = importance == nil ? type.elementImportance : type.fallbackImportance
        kind.write(to: weights, of: x, count: pieces)
        continue
      }
      for i in 0..<pieces {
        let own = known?.lanes[group * pieces + i] ?? Lanes(repeating: importance?.mean ?? 1)
        weights[i] = isReference ? own : own * (x[i] * x[i] * inverse + 1).squareRoot()
      }
    }
  }

  private func sum(_ weight: UnsafePointer<Lanes>) -> Float {
    (1..<pieces).reduce(weight[0]) { $0 + weight[$1] }.total
  }

  /// The nearest codes, half to even, with the scales and minimums as they are stored.
  private func writeCodes(
    _ block: KQuantSuperBlock, of memory: SuperBlockMemory, to codes: UnsafeMutablePointer<UInt8>
  ) {
    let zero = Float(type.zeroPoint)
    let greatest = Float((1 << type.bitCount) - 1) - zero
    for subBlock in 0..<type.subBlockCount {
      let inverse = block.scale(ofSubBlock: subBlock).reciprocalOrZero
      let minimum = block.minimum(ofSubBlock: subBlock)
      for i in subBlock * pieces..<(subBlock + 1) * pieces {
        let q = ((memory.x[i] + minimum) * inverse).rounded(from: -zero, through: greatest) + zero
        for lane in 0..<Lanes.scalarCount { codes[i * Lanes.scalarCount + lane] = UInt8(q[lane]) }
      }
    }
  }

  /// The integers that ``SuperScale`` has put in place of the numbers of sub-blocks.
  private func integers(_ values: UnsafePointer<Lanes>) -> SIMD16<Int8> {
    var result = SIMD16<Int8>.zero
    for subBlock in 0..<type.subBlockCount { result[subBlock] = Int8(values.number(subBlock)) }
    return result
  }

  /// A super-block scale as its type holds it, rounded half to even.
  private func stored(_ scale: Float) -> Float {
    scaleDType == .float16 ? scale.inHalfPrecision : scale
  }
}
