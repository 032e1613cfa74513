import CPU
import Compute
import Recordings
import TestSupport
import Testing

@Suite(.oneAtATime) struct AttentionTests {
  /// Weights and their sums are rounded before they are multiplied: one more rounding of bf16 on the way to
  /// each result, and in the backward pass two.
  static let allowance = Allowance(
    float32: Tolerance(ofLargest: 3e-6), bfloat16: Tolerance(ofLargest: 0x1p-7))

  /// Attention over one value that holds queries, keys and values side by side.
  private func twin(
    _ compute: ComputeType, batch: Int = 1, tokens: Int, heads: Int = 4, groups: Int = 2,
    headSize: Int = 8, window: Int? = nil
  ) -> Twin {
    var twin = Twin(compute, batch: batch, tokens: tokens, seed: UInt64(tokens))
    let x = twin.input((heads + 2 * groups) * headSize)
    let (queries, keys) = (heads * headSize, groups * headSize)
    let shape = AttentionShape(
      headCount: heads, keyValueHeadCount: groups, headSize: headSize,
      scale: 1 / Float(headSize).squareRoot(),
      visible: window.map { .window($0) } ?? .all)
    twin.finish(
      twin.attention(
        twin.columns(0..<queries, of: x), twin.columns(queries..<queries + keys, of: x),
        twin.columns(queries + keys..<queries + 2 * keys, of: x), shape: shape))
    return twin
  }

  /// With two heads in a group, queries are done in tiles of 128, and keys in pieces of 256.
  @Test(arguments: ComputeType.available, [1, 5, 127, 128, 129, 300, 1100])
  func bordersOfTiles(compute: ComputeType, tokens: Int) throws {
    try twin(compute, tokens: tokens).check(Self.allowance)
  }

  /// Windows of one token, within a tile, over a tile's border, and longer than the sequence.
  @Test(
    arguments: ComputeType.available,
    [(5, 1), (130, 3), (300, 100), (300, 129), (1100, 70), (40, 64)])
  func windows(compute: ComputeType, sizes: (tokens: Int, window: Int)) throws {
    try twin(compute, tokens: sizes.tokens, window: sizes.window).check(Self.allowance)
  }

  @Test(arguments: ComputeType.available, [(1, 1), (6, 6), (6, 3), (8, 1)])
  func groupsOfHeads(compute: ComputeType, counts: (heads: Int, groups: Int)) throws {
    let twin = twin(
      compute, batch: 3, tokens: 33, heads: counts.heads, groups: counts.groups, headSize: 12)
    try twin.check(Self.allowance)
    try twin.check(Self.allowance, training: .nothing)
  }

  @Test(arguments: ComputeType.available, [1, 7, 64, 80])
  func sizesOfHeads(compute: ComputeType, headSize: Int) throws {
    try twin(compute, batch: 2, tokens: 140, heads: 2, groups: 1, headSize: headSize, window: 50)
      .check(Self.allowance)
  }

  /// Each thing that can be done to scores, alone and all together; values of another width than keys.
  @Test(arguments: ComputeType.available, 0..<5)
  func scoresThatAreMoreThanProducts(compute: ComputeType, what: Int) throws {
    for tokens in [9, 300] {
      var twin = Twin(compute, batch: 2, tokens: tokens)
      let (q, k, v) = (twin.input(24), twin.input(12), twin.input(10))
      var shape = AttentionShape(
        headCount: 4, keyValueHeadCount: 2, headSize: 6, valueSize: 5, scale: 0.4)
      if [0, 4].contains(what) { shape.cap = 2 }
      if [1, 4].contains(what) { shape.slopes = [0.5, 0.25, 0.125, 0.0625] }
      if [2, 4].contains(what) { shape.hasSinks = true }
      if [3, 4].contains(what) { shape.visible = .chunk(tokens / 4 + 5) }
      twin.finish(twin.attention(q, k, v, shape: shape))
      try twin.check(Self.allowance)
      try twin.check(Self.allowance, training: .nothing)
    }
  }

  /// Queries, keys and values that come from different values.
  @Test(arguments: ComputeType.available)
  func separateValues(compute: ComputeType) throws {
    var twin = Twin(compute, batch: 2, tokens: 20)
    let (q, k, v) = (twin.input(24), twin.input(12), twin.input(12))
    let shape = AttentionShape(
      headCount: 4, keyValueHeadCount: 2, headSize: 6, scale: 0.4)
    twin.finish(twin.attention(q, k, v, shape: shape))
    try twin.check(Self.allowance)
  }
}
