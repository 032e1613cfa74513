/// Makes a rounded super-block better, step by step, as long as it loses less: each sub-block takes the best of the integers
/// around its own, then the common scales become those of weighted least squares for all codes. The loss is `Σ weight·(w - y)²`
/// with codes to nearest and scales as they are stored, so that each step is measured on what is written.
///
/// A search for each sub-block by itself, which is where this begins, does not know that its scale and its minimum become
/// integers; with 4 bits for these (q2_k) that is a large part of the loss.
struct SuperBlockDescent {
  let type: KQuantType
  let memory: SuperBlockMemory
  /// Rounds a common scale to the type that it is stored in.
  let stored: (Float) -> Float

  /// Rounds at most. Most super-blocks end after two or three.
  private static let roundLimit = 4

  private var pieces: Int { type.subBlockSize / Lanes.scalarCount }
  private var zero: Float { Float(type.zeroPoint) }
  private var least: Float { -zero }
  private var greatest: Float { Float((1 << type.bitCount) - 1) - zero }
  private var scaleRange: ClosedRange<Int> { type.scaleRange }

  func improved(_ start: KQuantSuperBlock) -> KQuantSuperBlock {
    var block = start
    var losses = losses(block)
    for _ in 0..<Self.roundLimit {
      let before = losses.sum()
      for subBlock in 0..<type.subBlockCount { takeNeighbour(subBlock, &block, &losses) }
      fit(&block, &losses)
      guard losses.sum() < before else { break }
    }
    return block
  }

  /// What rounding each sub-block loses.
  private func losses(_ block: KQuantSuperBlock) -> SIMD16<Float> {
    var losses = SIMD16<Float>.zero
    for subBlock in 0..<type.subBlockCount {
      losses[subBlock] = loss(
        subBlock, scale: block.scale(ofSubBlock: subBlock),
        minimum: block.minimum(ofSubBlock: subBlock))
    }
    return losses
  }

  @inline(__always) private func loss(_ subBlock: Int, scale: Float, minimum: Float) -> Float {
    let inverse = scale.reciprocalOrZero
    var sum = Lanes.zero
    for i in subBlock * pieces..<(subBlock + 1) * pieces {
      let q = ((memory.x[i] + minimum) * inverse).rounded(from: least, through: greatest)
      let difference = q * scale - minimum - memory.x[i]
      sum += memory.errorWeights[i] * difference * difference
    }
    return sum.total
  }

  /// Tries the integers one away from those of a sub-block; of symmetric types also the scale of the other sign, since there is
  /// one code more below zero than above.
  private func takeNeighbour(
    _ subBlock: Int, _ block: inout KQuantSuperBlock, _ losses: inout SIMD16<Float>
  ) {
    let (scale, minimum) = (Int(block.scales[subBlock]), Int(block.minimums[subBlock]))
    func consider(_ otherScale: Int, _ otherMinimum: Int) {
      guard scaleRange.contains(otherScale),
        type.isAsymmetric ? scaleRange.contains(otherMinimum) : otherMinimum == 0
      else { return }
      let loss = loss(
        subBlock, scale: block.scale * Float(otherScale),
        minimum: block.minimumScale * Float(otherMinimum))
      guard loss < losses[subBlock] else { return }
      losses[subBlock] = loss
      (block.scales[subBlock], block.minimums[subBlock]) = (Int8(otherScale), Int8(otherMinimum))
    }
    for step in -1...1 {
      if type.isAsymmetric {
        for other in -1...1 where step != 0 || other != 0 {
          consider(scale + step, minimum + other)
        }
      } else {
        if step != 0 { consider(scale + step, 0) }
        consider(step - scale, 0)
      }
    }
  }

  /// Takes the common scales that lose least with the codes as they are, if they still do with the codes that these give.
  private func fit(_ block: inout KQuantSuperBlock, _ losses: inout SIMD16<Float>) {
    // w ≈ d·(s·q) - dmin·t: sums of products of s·q, t and w.
    var (pp, pt, tt, px, tx) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for subBlock in 0..<type.subBlockCount {
      let (scale, minimum) = (
        block.scale(ofSubBlock: subBlock), block.minimum(ofSubBlock: subBlock)
      )
      let inverse = scale.reciprocalOrZero
      var (w, wq, wqq, wx, wqx) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
      for i in subBlock * pieces..<(subBlock + 1) * pieces {
        let (x, weight) = (memory.x[i], memory.errorWeights[i])
        let q = ((x + minimum) * inverse).rounded(from: least, through: greatest)
        let weighted = weight * q
        w += weight
        wq += weighted
        wqq += weighted * q
        wx += weight * x
        wqx += weighted * x
      }
      let (s, t) = (Double(block.scales[subBlock]), Double(block.minimums[subBlock]))
      pp += s * s * Double(wqq.total)
      pt += s * t * Double(wq.total)
      tt += t * t * Double(w.total)
      px += s * Double(wqx.total)
      tx += t * Double(wx.total)
    }
    guard pp > 0 else { return }
    var other = block
    let determinant = pp * tt - pt * pt
    if type.isAsymmetric, determinant > 1e-9 * pp * tt {
      other.scale = stored(Float((px * tt - pt * tx) / determinant))
      other.minimumScale = stored(Float((px * pt - pp * tx) / determinant))
    } else {
      other.scale = stored(Float((px + Double(block.minimumScale) * pt) / pp))
    }
    guard other.scale.isFinite, other.minimumScale.isFinite, other.minimumScale >= 0,
      other.scale > 0 || !type.isAsymmetric
    else { return }
    let found = self.losses(other)
    guard found.sum() < losses.sum() else { return }
    (block, losses) = (other, found)
  }
}
