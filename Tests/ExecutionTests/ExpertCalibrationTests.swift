import CPU
import Checkpoints
import Compute
import Execution
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import Recordings
import Tensors
import TestSupport
import Testing

/// What all experts of a block read, beside a plain computation.
@Suite struct ExpertCalibrationTests {
  private static let nvfp4 = ActivationQuantization(.nvfp4, groupSize: 8, rule: .tuning)
  private static let bytes = ActivationQuantization(.fp8, isStatic: true, rule: .tuning)
  /// More rows than run at once, in a last batch with less samples than the others.
  private static let (sampleCount, batch, tokens) = (5, 4, 24)

  /// A block with experts, and samples that it reads.
  private struct Source {
    let checkpoint: Checkpoint
    let placed: PlacedBlock
    let experts: Experts
    let device: CPUDevice
    var width: Int { placed.block.width }

    init(_ model: String, block index: Int) throws {
      let folder = Fixtures.folder.appending(path: "models/\(model)")
      checkpoint = try Checkpoint(opening: folder)
      let description = try Architectures.describe(
        JSONReader(checkpoint.configuration), shapes: checkpoint.tensorShapes)
      placed = description.blocks[index]
      experts = try #require(placed.block.allExperts.first?.experts)
      device = try CPUDevice(compute: .float32)
    }

    /// Samples that are not all alike.
    func inputs() -> ActivationCache {
      let count = tokens * width
      let cache = ActivationCache(
        sampleCount: sampleCount, sampleByteCount: 4 * count, device: device)
      var generator = SeededGenerator(seed: 7)
      for sample in 0..<sampleCount {
        let numbers = (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
        numbers.withUnsafeBytes { cache[sample].upload($0) }
      }
      return cache
    }

    /// The program of the block, in which experts that a correction of -1000 has are not chosen.
    func program(
      _ quantization: ActivationQuantization, keepsInputs: Bool = true, unchosen: Set<Int> = []
    ) throws -> BlockProgram {
      var plan = ActivationPlan()
      for expert in experts.experts {
        for slot in [expert.gate, expert.up].compactMap(\.self) {
          plan.inputs[slot.name] = .init(quantization, scale: "inputs")
        }
        plan.inputs[expert.down.name] = .init(quantization, scale: "activations")
      }
      let block = try BlockProgram(
        keepsInputs ? placed.block.keepingExpertInputs : placed.block, activations: plan,
        batch: batch, tokens: tokens, device: device, training: .matrices)
      try block.load(placed.name, from: checkpoint, hasScales: false)
      if let correction = experts.correction {
        let part = try #require(
          block.program.parameterParts.first { $0.name == correction.stored.tensor })
        let numbers = experts.experts.indices.map { unchosen.contains($0) ? Float(-1000) : 0 }
        block.program.load(Tensor(numbers, shape: [numbers.count]), into: part)
      }
      return block
    }

    private var sampleCount: Int { ExpertCalibrationTests.sampleCount }
    private var batch: Int { ExpertCalibrationTests.batch }
    private var tokens: Int { ExpertCalibrationTests.tokens }
  }

  /// What the layers of each expert read, row by row.
  private struct Plain {
    /// For each expert the rows that its gate and up projection read, and those of its down projection.
    var read: [[[Float]]] = []
    var active: [[[Float]]] = []

    /// - Parameter rows: What the experts read together.
    init(_ source: Source, _ rows: [[Float]]) throws {
      func weight(_ slot: LayerSlot) throws -> [[Float]] {
        let floats = try slot.readWeight(in: source.placed.name, from: source.checkpoint).floats()
        return stride(from: 0, to: floats.count, by: slot.inputs).map {
          Array(floats[$0..<$0 + slot.inputs])
        }
      }
      func product(_ matrix: [[Float]], _ x: [Float]) -> [Float] {
        matrix.map { row in zip(row, x).reduce(0) { $0 + $1.0 * $1.1 } }
      }
      func sigmoid(_ x: Float) -> Float { 1 / (1 + exp(-x)) }
      let experts = source.experts
      try #require(experts.function == .silu && experts.upFunction == nil)
      let router = try weight(experts.router)
      for (index, expert) in experts.experts.enumerated() {
        let (gate, up) = (try weight(#require(expert.gate)), try weight(expert.up))
        let own = rows.map { row in
          guard experts.weighsInputs else { return row }
          let count = sigmoid(product(router, row)[index])
          return row.map { count * $0 }
        }
        read.append(own)
        active.append(
          own.map { row in
            zip(product(gate, row), product(up, row)).map { $0 * sigmoid($0) * $1 }
          })
      }
    }

    static func largest(_ rows: [[[Float]]]) -> Float {
      rows.joined().joined().reduce(0) { max($0, abs($1)) }
    }

    static func squares(_ rows: [[Float]]) -> [Float] {
      rows[0].indices.map { column in rows.reduce(0) { $0 + $1[column] * $1[column] } }
    }
  }

  /// What the experts of all samples read, by the block without them.
  private func rows(_ source: Source) throws -> [[Float]] {
    let block = try BlockProgram(
      source.placed.block.keepingExpertInputs, batch: 1, tokens: Self.tokens,
      device: source.device, training: .nothing)
    try block.load(source.placed.name, from: source.checkpoint)
    let mixture = try #require(block.mixtures.first)
    var rows: [[Float]] = []
    block.forEachBatch(of: source.inputs()) { _, _ in
      var numbers = [Float](repeating: 0, count: Self.tokens * source.width)
      numbers.withUnsafeMutableBytes { block.program[range: mixture.input].download(into: $0) }
      rows += stride(from: 0, to: numbers.count, by: source.width).map {
        Array(numbers[$0..<$0 + source.width])
      }
    }
    return rows
  }

  /// The global scale of NVFP4 and the scale of FP8 hold for what every expert makes of every token, be it chosen or not.
  @Test(arguments: [("minimax_m2", 0), ("llama4", 1)], [nvfp4, bytes])
  func scalesHoldForAllTokens(
    model: (name: String, block: Int), quantization: ActivationQuantization
  ) throws {
    let source = try Source(model.name, block: model.block)
    let plain = try Plain(source, rows(source))
    func scales(all: Bool) throws -> [String: Float] {
      let block = try source.program(quantization, unchosen: [0, 2, 3, 5])
      let experts = all ? try ExpertCalibration(block) : nil
      let scales = try block.calibrateInputs(
        on: source.inputs(), dtype: .float32, with: experts)
      return Dictionary(uniqueKeysWithValues: scales.map { ($0.name, $0.value) })
    }
    let (chosen, all) = (try scales(all: false), try scales(all: true))
    for (name, rows) in [("inputs", plain.read), ("activations", plain.active)] {
      let largest = Plain.largest(rows)
      let expected = quantization == Self.nvfp4 ? 448 * 6 / largest : largest / 448
      expectClose([try #require(all[name])], [expected], Tolerance(relative: 1e-5), name)
    }
    guard model.name == "minimax_m2" else { return }
    // What was chosen is less than that.
    let (few, many) = (try #require(chosen["activations"]), try #require(all["activations"]))
    #expect(quantization == Self.nvfp4 ? few > 1.01 * many : few < many / 1.01)
  }

  /// What columns weigh is summed over all tokens; those that are counted for an expert, and what the block
  /// answers, are as ever.
  @Test(arguments: [("minimax_m2", 0), ("llama4", 1)])
  func squaresAreOfAllTokens(model: (name: String, block: Int)) throws {
    let source = try Source(model.name, block: model.block)
    let plain = try Plain(source, rows(source))
    func run(all: Bool) throws -> (BlockProgram, ActivationCache, [Parameter: [Float]]) {
      let block = try source.program(Self.nvfp4, keepsInputs: all, unchosen: [0, 2, 3, 5])
      let experts = all ? try ExpertCalibration(block) : nil
      let stream = source.inputs()
      block.program.activations = .passed
      (block.program.inputSquares, block.program.expertTokens) = ([:], [:])
      experts?.collectSquares()
      block.advance(stream, with: experts)
      let own = try #require(block.program.inputSquares)
      return (block, stream, experts?.squares(replacing: own) ?? own)
    }
    let (block, stream, squares) = try run(all: true)
    let (other, chosenStream, chosenSquares) = try run(all: false)
    #expect(block.program.expertTokens == other.program.expertTokens)
    for sample in 0..<Self.sampleCount {
      func numbers(_ cache: ActivationCache) -> [Float] {
        var numbers = [Float](repeating: 0, count: Self.tokens * source.width)
        numbers.withUnsafeMutableBytes { cache[sample].download(into: $0) }
        return numbers
      }
      #expect(numbers(stream) == numbers(chosenStream))
    }
    let ofExperts = Dictionary(
      uniqueKeysWithValues: source.experts.experts.enumerated().flatMap { index, expert in
        [expert.gate, expert.up].compactMap(\.self).map { ($0.name, plain.read[index]) }
          + [(expert.down.name, plain.active[index])]
      })
    var count = 0
    for part in block.program.parameterParts where part.isMatrix {
      let found = try #require(block.program.squares(of: part, in: squares))
      if let rows = ofExperts[String(part.name.dropLast(".weight".count))] {
        count += 1
        expectClose(found, Plain.squares(rows), Tolerance(relative: 1e-4), part.name)
      } else {
        #expect(found == block.program.squares(of: part, in: chosenSquares), "\(part.name)")
      }
    }
    #expect(count == ofExperts.count)
  }

  /// However many experts there are, it takes no more memory than the block does that runs so many tokens.
  @Test(arguments: [("minimax_m2", 0), ("llama4", 1)])
  func memoryIsThatOfTheBlock(model: (name: String, block: Int)) throws {
    let source = try Source(model.name, block: model.block)
    let tokens = 4096
    let own = BlockProgram.byteCount(
      source.placed.block, batch: 1, tokens: tokens, device: source.device, training: .nothing)
    let all = ExpertCalibration.byteCount(
      source.placed.block, activations: ActivationPlan(), tokens: tokens, device: source.device)
    #expect(all > own / 10 && all < own)
  }

  @Test func aBlockWithoutExpertsHasNothingToRun() throws {
    let folder = Fixtures.folder.appending(path: "models/llama")
    let configuration = try Checkpoint(opening: folder).configuration
    let placed = try Architectures.describe(JSONReader(configuration)).blocks[0]
    let block = try BlockProgram(
      placed.block.keepingExpertInputs, batch: 1, tokens: 2,
      device: CPUDevice(compute: .float32), training: .nothing)
    #expect(try ExpertCalibration(block) == nil)
  }
}
