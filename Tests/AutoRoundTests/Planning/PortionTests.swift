import Quantization
import Tensors
import TestSupport
import Testing
import Tuning

/// How blocks are cut into portions, and what these take.
@Suite struct PortionTests {
  @Test func experts() {
    let layers: [Int?] = [nil, nil, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, nil, 0, 1, 2, 3, 4]
    #expect(Portion.countLimit(layers) == 6)
    #expect(Portion.cut(layers, into: 1) == [Portion(layers: Array(0..<18), experts: nil)])
    #expect(
      Portion.cut(layers, into: 3) == [
        Portion(layers: [0, 1, 12], experts: nil),
        Portion(layers: [2, 3, 4, 5, 13, 14], experts: 0...1),
        Portion(layers: [6, 7, 8, 9, 10, 11, 15, 16, 17], experts: 2...4),
      ])
    // Each layer is in one portion, whatever their number.
    for count in 2...9 {
      let portions = Portion.cut(layers, into: count)
      #expect(portions.count == min(count, 6))
      #expect(portions.flatMap(\.layers).sorted() == Array(layers.indices))
    }
    let names = ["all but experts"] + (0..<5).map { "expert \($0)" }
    #expect(Portion.cut(layers, into: 6).map(\.name) == names)
  }

  @Test func whatHasNoExpertsIsNotCut() {
    for layers in [[nil, nil], []] as [[Int?]] {
      #expect(Portion.countLimit(layers) == 1)
      #expect(Portion.cut(layers, into: 5).map(\.layers) == [Array(layers.indices)])
    }
    // Of experts alone there is no first portion, and numbers may be missing.
    #expect(Portion.countLimit([7, 2, 7]) == 2)
    #expect(Portion.cut([7, 2, 7], into: 5).map(\.layers) == [[1], [0, 2]])
  }

  /// What portions repeat takes longer the more rows a weight is multiplied with, and less than whole steps.
  @Test func repeatedWorkFollowsRows() {
    #expect(Portion.timeFactor(1, rows: 1000) == 1)
    #expect(Portion.timeFactor(6, rows: 0) == 1)
    var before = 1.0
    for rows in [8.0, 64, 512, 4096, 1e9] {
      let factor = Portion.timeFactor(6, rows: rows)
      #expect(factor > before && factor < 1 + 5 * 4 / 9.0 + 1e-6)
      before = factor
    }
    // Two products of whole steps and a third of one beside them, where rounding is nothing.
    #expect(abs(before - (1 + 5 * 4 / 9.0)) < 1e-3)
  }

  /// A block of 4-bit weights in groups of 32: attention of 2^16 weights, and 8 experts of 2^15.
  private func memory(isMapped: Bool = true, keepsGradients: Bool = false) throws -> TuningMemory {
    let arguments = QuantizationArguments(bitCount: 4, strategy: .group, groupSize: 32)
    func layer(_ expert: Int?) throws -> TuningMemory.Layer {
      try TuningMemory.Layer(
        arguments, rows: expert == nil ? 256 : 128, columns: 256, dtype: .bfloat16, expert: expert,
        offsets: .counted, keepsGradients: keepsGradients, isMapped: isMapped)
    }
    return TuningMemory(try [layer(nil)] + (0..<8).map { try layer($0) }, isTuned: true)
  }

  @Test func lessStateInMorePortions() throws {
    let weights = (attention: 1 << 16, expert: 1 << 15)
    let all = weights.attention + 8 * weights.expert
    let memory = try memory()
    #expect(memory.portionLimit == 9)
    func state(_ count: Int) throws -> Int {
      try QuantizationArguments(bitCount: 4, strategy: .group, groupSize: 32).quantizerByteCount(
        rows: count / 256, columns: 256, dtype: .bfloat16, offsets: .counted)
    }
    let whole = memory.need(portionCount: 1)
    let columns = 4 * 256
    #expect(
      whole.memory == (try state(all)) + 8 * columns + 2 * weights.attention)
    #expect(whole.mapped == 2 * all)
    var before = whole.memory
    for count in [2, 3, 5, 9] {
      let need = memory.need(portionCount: count)
      #expect(need.memory < before)
      before = need.memory
      // At the most: codes and scales of all that is finished, and the state of one portion.
      let last = 8 * weights.expert / (count - 1)
      let finished = all - last + (all - last) / 32 * 5
      let tuning = finished + (try state(last)) + (8 / (count - 1) - 1) * columns
      // Or all that is finished, and the packed codes of the largest layer.
      #expect(need.memory == max(tuning, all + all / 32 * 5 + 2 * weights.attention))
      // The source of what is finished is given back.
      #expect(need.memory + need.mapped < whole.memory + whole.mapped)
    }
    let kept = try self.memory(keepsGradients: true)
    let increase = kept.need(portionCount: 3).memory - memory.need(portionCount: 3).memory
    #expect(increase == 4 * 4 * weights.expert)
    // What the source stores in small floats is in memory for the whole block.
    let widened = try self.memory(isMapped: false).need(portionCount: 9)
    #expect(widened.memory == memory.need(portionCount: 9).memory + 2 * all)
    #expect(widened.mapped == 0)
  }
}
