import CPU
import Compute
import Recordings
import Tensors
import TestSupport
import Testing

@Suite(.oneAtATime) struct ScanTests {
  /// Sums over a sequence that are rounded in another order than token by token.
  static let allowance = Allowance(
    float32: Tolerance(ofLargest: 5e-5), bfloat16: Tolerance(ofLargest: 0x1p-6))

  static let delta = Scan(
    keyHeadCount: 2, valueHeadCount: 2, keySize: 8, valueSize: 6, rule: .delta(epsilon: 1e-6))
  static let stateSpace = Scan(
    keyHeadCount: 2, valueHeadCount: 2, keySize: 8, valueSize: 6,
    rule: .stateSpace(least: 0, greatest: .infinity))

  static let byChannel = {
    var scan = delta
    scan.decaysByChannel = true
    return scan
  }()

  /// A scan over one value that holds all of its inputs.
  private func twin(
    _ compute: ComputeType, _ scan: Scan, batch: Int = 1, tokens: Int, decay: Float = 0,
    deviation: Float = 1
  ) -> Twin {
    var twin = Twin(compute, batch: batch, tokens: tokens, seed: UInt64(tokens))
    let keys = scan.keyHeadCount * scan.keySize
    var widths = [keys, keys, scan.valueHeadCount * scan.valueSize, scan.stepCount]
    if case .delta = scan.rule { widths.append(scan.valueHeadCount) }
    let x = twin.input(widths.reduce(0, +), deviation: deviation)
    var first = 0
    let parts = widths.map { width in
      defer { first += width }
      return twin.columns(first..<first + width, of: x)
    }
    twin.finish(twin.scan(parts, scan, decay: decay))
    return twin
  }

  /// Chunks have 64 tokens.
  @Test(arguments: [delta, stateSpace, byChannel], [1, 63, 64, 65, 130])
  func bordersOfChunks(scan: Scan, tokens: Int) throws {
    for compute in ComputeType.available {
      let twin = twin(compute, scan, batch: 2, tokens: tokens)
      try twin.check(Self.allowance)
      try twin.check(Self.allowance, training: .nothing)
    }
  }

  /// Several heads of values for one of keys.
  @Test(arguments: ComputeType.available, [delta, stateSpace, byChannel])
  func groupsOfHeads(compute: ComputeType, scan: Scan) throws {
    var scan = scan
    for (keys, values, keySize, valueSize) in [(1, 3, 5, 7), (2, 6, 16, 12), (3, 3, 33, 40)] {
      (scan.keyHeadCount, scan.valueHeadCount) = (keys, values)
      (scan.keySize, scan.valueSize) = (keySize, valueSize)
      try twin(compute, scan, batch: 2, tokens: 70).check(Self.allowance)
    }
  }

  /// Decays of nearly nothing, and of some e^-20 for each token.
  @Test(arguments: [delta, stateSpace, byChannel], [-9, 3])
  func extremeDecays(scan: Scan, decay: Int) throws {
    for compute in ComputeType.available {
      try twin(compute, scan, tokens: 130, decay: Float(decay)).check(Self.allowance)
    }
  }

  /// Rates of nearly 0 and of nearly 1, steps near the bound of the exponential.
  @Test(arguments: ComputeType.available, [delta, stateSpace, byChannel])
  func extremeInputs(compute: ComputeType, scan: Scan) throws {
    try twin(compute, scan, tokens: 70, deviation: 30).check(Self.allowance)
  }

  /// Steps below the least, between, and above the greatest.
  @Test(arguments: ComputeType.available) func boundsOfSteps(compute: ComputeType) throws {
    var scan = Self.stateSpace
    scan.rule = .stateSpace(least: 0.3, greatest: 0.9)
    try twin(compute, scan, batch: 2, tokens: 66).check(Self.allowance)
  }

  /// Inputs that other operations read too.
  @Test(arguments: ComputeType.available, [delta, stateSpace, byChannel])
  func gradientsAreAddedToThoseOfOtherReaders(compute: ComputeType, scan: Scan) throws {
    var twin = Twin(compute, batch: 2, tokens: 10)
    let keys = scan.keyHeadCount * scan.keySize
    var inputs = [twin.input(keys), twin.input(keys), twin.input(12), twin.input(scan.stepCount)]
    if case .delta = scan.rule { inputs.append(twin.input(2)) }
    let others = twin.juxtaposed(inputs)
    twin.finish(
      twin.juxtaposed([twin.scan(inputs, scan), twin.map(.relu, others)]))
    try twin.check(Self.allowance)
  }

  /// Each sum has one writer and one order.
  @Test(arguments: [delta, stateSpace, byChannel])
  func theSameBitsOnAnyNumberOfThreads(scan: Scan) throws {
    let team = ThreadTeam.size
    defer { ThreadTeam.size = team }
    let twin = twin(.float32, scan, batch: 3, tokens: 70)
    let outcomes = try [1, 2, 5].map { threads in
      ThreadTeam.size = threads
      return try TwinProgram(twin).run().bitPatterns
    }
    #expect(outcomes[0] == outcomes[1] && outcomes[0] == outcomes[2])
  }
}
