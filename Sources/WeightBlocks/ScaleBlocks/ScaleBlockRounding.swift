/// A row of a weight, and where what its blocks are made of goes.
struct RowBlocks {
  let x: UnsafePointer<Float>
  let columns: Int
  let codes: UnsafeMutablePointer<UInt8>
  let scales: UnsafeMutablePointer<Float>?
  /// Nothing is written there for symmetric types.
  let minimums: UnsafeMutablePointer<Float>?

  var blockCount: Int { columns / ScaleBlockType.size }
}

/// Rounds rows of a weight to blocks with a scale each. All arithmetic is f32.
struct ScaleBlockRounding {
  let type: ScaleBlockType

  private var size: Int { ScaleBlockType.size }
  private var zero: Float { Float(type.zeroPoint) }
  private var greatest: Float { Float(type.greatestCode) }

  /// As llama.cpp's reference does it.
  func round(_ row: RowBlocks) {
    for block in 0..<row.blockCount {
      let first = block * size
      let x = UnsafeBufferPointer(start: row.x + first, count: size)
      let codes = row.codes + first
      switch type {
      case .q80:
        let scale = (x.lazy.map(\.magnitude).max() ?? 0) / 127
        let inverse = Self.reciprocal(scale)
        for i in 0..<size {
          codes[i] = UInt8((x[i] * inverse).rounded(.toNearestOrAwayFromZero) + 128)
        }
        row.scales?[block] = scale.inHalfPrecision
      case .q40, .q50:
        var (magnitude, largest): (Float, Float) = (0, 0)
        for number in x where number.magnitude > magnitude {
          (magnitude, largest) = (number.magnitude, number)
        }
        // A block of zeros has a scale of -0, as in the reference's files.
        let scale = largest / -zero
        let inverse = Self.reciprocal(scale)
        for i in 0..<size { codes[i] = UInt8(min(x[i] * inverse + (zero + 0.5), greatest)) }
        row.scales?[block] = scale.inHalfPrecision
      case .q41, .q51:
        let (least, most) = range(x)
        let scale = (most - least) / greatest
        let inverse = Self.reciprocal(scale)
        for i in 0..<size {
          codes[i] = UInt8(min((x[i] - least) * inverse + 0.5, greatest))
        }
        row.scales?[block] = scale.inHalfPrecision
        row.minimums?[block] = least.inHalfPrecision
      }
    }
  }

  /// 1 over a scale; 0 where that is infinite, since f16 has no scale so small.
  private static func reciprocal(_ scale: Float) -> Float {
    let reciprocal = 1 / scale
    return reciprocal.isFinite ? reciprocal : 0
  }

  private func range(_ x: UnsafeBufferPointer<Float>) -> (Float, Float) {
    var (least, most) = (x[0], x[0])
    for number in x {
      if number < least { least = number }
      if number > most { most = number }
    }
    return (least, most)
  }

  /// With searched scales; errors are weighted.
  func search(_ row: RowBlocks, _ importance: [Float]) {
    var squares: Float = 0
    for column in 0..<row.columns { squares += row.x[column] * row.x[column] }
    let mean = squares / Float(row.columns)
    let pieces = size / Lanes.scalarCount
    withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 2 * pieces) { memory in
      memory.initialize(repeating: .zero)
      guard let x = memory.baseAddress else { return }
      let weight = x + pieces
      for block in 0..<row.blockCount {
        let first = block * size
        // Columns that nothing is known of are all alike.
        let isKnown = importance[first..<first + size].contains { $0 > 0 }
        for i in 0..<size {
          let number = row.x[first + i]
          x.set(i, to: number)
          let factor = isKnown ? importance[first + i] : 1
          weight.set(i, to: factor * (mean + number * number).squareRoot())
        }
        var (scale, minimum): (Float, Float) = (0, 0)
        if type.isAsymmetric {
          let found = AffineSearch(greatest: greatest).search(x, weight, count: pieces)
          (scale, minimum) = (found.scale, max(0 - found.minimum, -65504))
        } else {
          scale = SymmetricSearch(middle: zero).search(x, weight, count: pieces)
        }
        (scale, minimum) = (scale.inHalfPrecision, minimum.inHalfPrecision)
        row.scales?[block] = scale
        if type.isAsymmetric { row.minimums?[block] = minimum }
        let inverse = scale.reciprocalOrZero
        for i in 0..<pieces {
          let q = ((x[i] - minimum) * inverse).rounded(from: -zero, through: greatest - zero) + zero
          for lane in 0..<Lanes.scalarCount {
            row.codes[first + i * Lanes.scalarCount + lane] = UInt8(q[lane])
          }
        }
      }
    }
  }
}
