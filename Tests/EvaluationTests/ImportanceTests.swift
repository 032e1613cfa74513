import AutoRound
import Checkpoints
import Foundation
import GGUF
import Importances
import Synchronization
import Tensors
import TestSupport
import Testing

/// What errors in columns weigh: measured by itself, and in a run.
@Suite struct ImportanceTests {
  private let model = Fixtures.examples.appending(path: "books-llama-6m")
  private let data = Fixtures.examples.appending(path: "data/calibration.jsonl")

  private func measured() throws -> GGUFImportances {
    var measurement = ImportanceMeasurement(
      model: model, dataset: try CalibrationSource(file: data), sampleCount: 4, sequenceLength: 64)
    measurement.compute = .float32
    return try measurement.run()
  }

  private final class Listener: Modifier {
    let options: ResolvedOptions
    let importances = Mutex<[String: [Float]]>([:])

    init(_ options: ResolvedOptions) { self.options = options }

    func quantize(_ layer: LayerView, using data: LayerData) throws -> QuantizedWeight {
      importances.withLock { $0[layer.name] = data.importance }
      return try layer.rounded()
    }
  }

  @Test func theyAreThoseOfARun() throws {
    let found = try measured()
    #expect(found.sampleCount == 4 && found.sequenceLength == 64)
    let listener = Listener(
      try ResolvedOptions(
        overrides: OptionOverrides(scheme: "W4A16") {
          $0.iterations = 0
          $0.sampleCount = 4
          $0.sequenceLength = 64
        }))
    try withTemporaryFolder { folder in
      var job = QuantizationJob(
        model: model, modifier: listener, output: folder.appending(path: "out"))
      job.compute = .float32
      job.dataset = try CalibrationSource(file: data)
      job.reporting.heldOutTokenCount = 0
      try job.run()
    }
    let parts = [
      "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
      "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
      "mlp.down_proj": "ffn_down",
    ]
    let expected = listener.importances.withLock { $0 }
    #expect(expected.count == 42)
    for (layer, importance) in expected {
      let words = layer.split(separator: ".")
      let part = try #require(parts[words.suffix(2).joined(separator: ".")])
      let sums = try #require(found.sums["blk.\(words[2]).\(part).weight"])
      #expect(sums.squares == importance, "\(layer)")
      #expect(sums.counts == [256])
    }
    // The head is the table of tokens.
    let head = try #require(found.sums["token_embd.weight"])
    #expect(head.columns == 256 && head.counts == [256])
    #expect(head.squares.min() ?? 0 > 0)
    #expect(found.sums.count == 43)
  }

  /// A conversion heeds them in what it rounds.
  @Test func conversionsHeedThem() throws {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "importance.gguf")
      let importances = try measured()
      try importances.write(to: file)
      func converted(_ name: String, _ importances: URL?) throws -> GGUFFile {
        let output = folder.appending(path: name)
        var conversion = CheckpointConversion(
          checkpoint: model, formats: [try ConversionFormat(named: "gguf:q2_k")], output: output)
        conversion.importances = importances
        _ = try conversion.run()
        return try ggufFile(in: output)
      }
      let (with, without) = try (converted("with", file), converted("without", nil))
      let name = "blk.3.ffn_gate.weight"
      let source = try Checkpoint(opening: model)
        .tensor("model.layers.3.mlp.gate_proj.weight").floats()
      let squares = try #require(importances.sums[name]?.squares)
      func loss(_ file: GGUFFile) throws -> Double {
        try zip(file.numbers(name).floats(), source).enumerated().reduce(0) { sum, pair in
          let difference = Double(pair.element.0 - pair.element.1)
          return sum + Double(squares[pair.offset % squares.count]) * difference * difference
        }
      }
      #expect(try loss(with) < 0.99 * loss(without))
      // Those of another model.
      var other = importances
      other.sums[name] = .init(squares: Array(squares.dropLast()), counts: [1])
      try other.write(to: file)
      expectInputError(.invalidValue, mentioning: [name, "another model"]) {
        _ = try converted("other", file)
      }
    }
  }
}
