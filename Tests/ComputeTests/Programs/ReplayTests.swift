import CPU
import Compute
import Foundation
import Recordings
import Tensors
import TestSupport
import Testing

/// What must hold however often, and on however many threads, a program runs.
@Suite(.oneAtATime) struct ReplayTests {
  /// A block in small: norm, projections side by side, rotary embedding, attention, gate, residuals.
  private static func twin(_ compute: ComputeType) -> Twin {
    var twin = Twin(compute, batch: 3, tokens: 70)
    let angles = Angles(rotated: 8, factor: 1)
    let x = twin.input(48)
    let projected = twin.linear(
      twin.norm(x), twin.matrix(rows: [32, 16, 16], columns: 48), bias: twin.vector([64], around: 0)
    )
    let q = twin.rotary(
      twin.columns(0..<32, of: projected), headSize: 8, angles: angles, norms: true)
    let k = twin.rotary(twin.columns(32..<48, of: projected), headSize: 8, angles: angles)
    let shape = AttentionShape(
      headCount: 4, keyValueHeadCount: 2, headSize: 8, scale: 0.35, visible: .window(40))
    let mixed = twin.attention(q, k, twin.columns(48..<64, of: projected), shape: shape)
    let middle = twin.add(x, twin.linear(mixed, twin.matrix(rows: [48], columns: 32)))
    let both = twin.linear(twin.norm(middle), twin.matrix(rows: [56, 56], columns: 48))
    let gated = twin.gate(
      .silu, twin.columns(0..<56, of: both), twin.columns(56..<112, of: both))
    twin.finish(twin.add(middle, twin.linear(gated, twin.matrix(rows: [48], columns: 56))))
    return twin
  }

  @Test(arguments: ComputeType.available)
  func aBlockMeetsTheReference(compute: ComputeType) throws {
    try Self.twin(compute).check(.chain)
  }

  @Test(arguments: ComputeType.available)
  func theSameBitsEachTimeAndOnAnyNumberOfThreads(compute: ComputeType) throws {
    let twin = Self.twin(compute)
    let program = try TwinProgram(twin)
    let first = program.run().bitPatterns
    #expect(program.run().bitPatterns == first)
    let size = ThreadTeam.size
    defer { ThreadTeam.size = size }
    for threads in [1, 2] {
      ThreadTeam.size = threads
      #expect(try TwinProgram(twin).run().bitPatterns == first, "\(threads) threads")
    }
  }

  /// In a process of its own, where nobody else takes memory.
  @Test func replayingTakesNoMemory() async {
    await #expect(processExitsWith: .success) {
      let program = try TwinProgram(ReplayTests.twin(.float32)).program
      func replay(_ times: Int) {
        for _ in 0..<times {
          program.forward()
          write(
            [Float](repeating: 0, count: program.rows * 48), to: program.outputGradient.pointer,
            .float32)
          program.backward { _, _, _ in }
        }
      }
      replay(20)
      // The allocator itself settles within some dozen pages; one leaked vector each time would be hundreds.
      let before = try ReplayTests.residentPages()
      replay(600)
      let after = try ReplayTests.residentPages()
      #expect(after <= before + 200, "\(before) pages of memory before, \(after) after")
    }
  }

  /// Pages of this process that are in memory.
  private static func residentPages() throws -> Int {
    let text = try String(contentsOf: URL(filePath: "/proc/self/statm"), encoding: .utf8)
    return try #require(Int(text.split(separator: " ")[1]))
  }
}
