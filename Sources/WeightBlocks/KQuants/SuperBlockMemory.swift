/// Memory for one super-block at a time.
struct SuperBlockMemory {
  /// Pieces that a super-block's weights have.
  static let laneCount = KQuantType.superBlockSize / Lanes.scalarCount
  /// Pieces of a number for each of the most sub-blocks.
  private static let numberCount = 2
  /// Pieces of all of it.
  static let count = 2 * laneCount + 3 * numberCount

  /// The super-block's weights.
  let x: UnsafeMutablePointer<Lanes>
  /// What an error in each of them weighs.
  var errorWeights: UnsafeMutablePointer<Lanes> { x + Self.laneCount }
  /// For each sub-block its scale, and then the integer for it.
  var scales: UnsafeMutablePointer<Lanes> { errorWeights + Self.laneCount }
  /// Like ``scales`` for the minimums.
  var minimums: UnsafeMutablePointer<Lanes> { scales + Self.numberCount }
  /// For each sub-block the sum of what errors weigh.
  var weightSums: UnsafeMutablePointer<Lanes> { minimums + Self.numberCount }

  /// - Parameter base: ``count`` pieces, which become zeros.
  init(_ base: UnsafeMutablePointer<Lanes>) {
    base.initialize(repeating: .zero, count: Self.count)
    x = base
  }

  /// Fills in the weights of a super-block.
  func load(_ weights: UnsafePointer<Float>) {
    UnsafeMutableRawPointer(x).copyMemory(
      from: weights, byteCount: KQuantType.superBlockSize * MemoryLayout<Float>.stride)
  }
}

extension UnsafePointer<Lanes> {
  /// One number of many pieces.
  func number(_ index: Int) -> Float {
    UnsafeRawPointer(self).load(fromByteOffset: 4 * index, as: Float.self)
  }
}

extension UnsafeMutablePointer<Lanes> {
  /// Sets one number of many pieces.
  func set(_ index: Int, to number: Float) {
    UnsafeMutableRawPointer(self).storeBytes(of: number, toByteOffset: 4 * index, as: Float.self)
  }
}
