import AutoRound
import Checkpoints
import Evaluation
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import Tensors
import TestSupport
import Testing

/// Experts that files have in other ways than the tiny models do, which hold the same numbers.
@Suite struct ExpertLayoutTests {
  /// Where a family has its experts in stacks.
  struct Stacks: Sendable {
    var model: String
    /// Inside the block: the module, the tensors of gates and ups, and of downs.
    var module = "mlp.experts"
    var inputs = "mlp.experts.gate_up_proj"
    var output = "mlp.experts.down_proj"
    var isTransposed = false
    var alternates = false
    var names = ["gate_proj", "up_proj", "down_proj"]
  }

  static let stacked = [
    Stacks(model: "qwen3_5_moe"),
    Stacks(
      model: "gemma4-moe", module: "experts", inputs: "experts.gate_up_proj",
      output: "experts.down_proj"),
    Stacks(
      model: "granitemoe", module: "block_sparse_moe.experts",
      inputs: "block_sparse_moe.input_linear.weight",
      output: "block_sparse_moe.output_linear.weight", names: ["w1", "w3", "w2"]),
    Stacks(
      model: "granitemoehybrid", module: "block_sparse_moe.experts",
      inputs: "block_sparse_moe.input_linear.weight",
      output: "block_sparse_moe.output_linear.weight", names: ["w1", "w3", "w2"]),
    Stacks(
      model: "llama4", module: "feed_forward.experts", inputs: "feed_forward.experts.gate_up_proj",
      output: "feed_forward.experts.down_proj", isTransposed: true),
    Stacks(model: "qwen3_vl_moe", isTransposed: true),
    Stacks(model: "gpt_oss", isTransposed: true, alternates: true),
  ]

  /// The members of a stack, each with rows and columns exchanged if asked to.
  private func members(_ tensor: Tensor, turned: Bool) -> [[[Float]]] {
    let (all, rows) = (tensor.floats(), tensor.shape[1])
    let columns = tensor.shape.count > 2 ? tensor.shape[2] : 1
    return (0..<tensor.shape[0]).map { member in
      let matrix = (0..<rows).map { row in
        let first = (member * rows + row) * columns
        return Array(all[first..<first + columns])
      }
      return turned ? (0..<columns).map { column in matrix.map { $0[column] } } : matrix
    }
  }

  private func tensor(_ rows: [[Float]], isVector: Bool) -> Tensor {
    Tensor(
      rows.flatMap { $0 }, shape: isVector ? [rows.count] : [rows.count, rows[0].count])
  }

  /// Puts a tensor for each layer of an expert in the place of the stacks.
  private func split(_ tensors: inout [String: Tensor], _ stacks: Stacks) {
    for name in tensors.keys.sorted() {
      for end in ["", "_bias"] {
        let isBias = end == "_bias"
        let stored = [stacks.inputs + end, stacks.output + end]
        guard let place = stored.firstIndex(where: { name.hasSuffix(".\($0)") }),
          let stack = tensors[name]
        else { continue }
        let block = name.dropLast(stored[place].count)
        tensors[name] = nil
        for (expert, matrix) in members(stack, turned: stacks.isTransposed && !isBias).enumerated()
        {
          func add(_ layer: Int, _ rows: [[Float]]) {
            let module = "\(block)\(stacks.module).\(expert).\(stacks.names[layer])"
            tensors["\(module).\(isBias ? "bias" : "weight")"] = tensor(rows, isVector: isBias)
          }
          guard place == 0 else {
            add(2, matrix)
            continue
          }
          let half = matrix.count / 2
          for layer in 0..<2 {
            add(
              layer,
              (0..<half).map { matrix[stacks.alternates ? 2 * $0 + layer : layer * half + $0] })
          }
        }
      }
    }
  }

  private func expectSame(_ a: URL, _ b: URL, sourceLocation: SourceLocation = #_sourceLocation)
    throws
  {
    let (first, second) = (try Checkpoint(opening: a), try Checkpoint(opening: b))
    #expect(
      first.tensorNames.sorted() == second.tensorNames.sorted(), sourceLocation: sourceLocation)
    for name in first.tensorNames {
      #expect(
        try first.tensor(name) == second.tensor(name), "\(name)", sourceLocation: sourceLocation)
    }
  }

  /// Runs the model as it is and with other files, and compares what becomes of both.
  private func expectSameResult(
    _ model: String, _ change: (inout [String: Tensor]) throws -> Void
  ) throws {
    try withTemporaryFolder { folder in
      let (plain, other) = (folder.appending(path: "a"), folder.appending(path: "b"))
      let run = try FamilyRun(model, scheme: "W4A16", in: plain)
      _ = try run.job.run()
      let changed = try FamilyRun(model, scheme: "W4A16", in: other) { source in
        try SourceFolder.rewrite(source, change)
      }
      let plan = try changed.job.plan(measuresTime: false)
      let report = try changed.job.run()
      #expect(plan.tensorByteCount == report.outputByteCount)
      let damage = try #require(report.verification).findings.filter { $0.kind == .damage }
      #expect(damage.map(\.message) == [])
      try expectSame(run.output, changed.output)
    }
  }

  @Test(arguments: stacked.indices) func aMatrixForEachExpert(index: Int) throws {
    let stacks = Self.stacked[index]
    try expectSameResult(stacks.model) { tensors in
      let count = tensors.count
      split(&tensors, stacks)
      #expect(tensors.count > count)
    }
  }

  /// As transformers 5 writes them.
  @Test func stacksOfQwenTheOtherWayRound() throws {
    try expectSameResult("qwen3_vl_moe") { tensors in
      for (name, stack) in tensors where stack.shape.count == 3 && name.contains(".experts.") {
        tensors[name] = Tensor(
          members(stack, turned: true).flatMap { $0.flatMap { $0 } },
          shape: [stack.shape[0], stack.shape[2], stack.shape[1]])
      }
    }
  }

  /// Experts that are not those of the configuration are found before anything is written, whether the model is run or not.
  @Test(
    arguments: [("mixtral", "num_local_experts"), ("granitemoe", "num_local_experts")],
    [false, true])
  func otherExpertsThanTheConfigurations(fixture: (model: String, key: String), isModelFree: Bool)
    throws
  {
    try withTemporaryFolder { folder in
      let run = try FamilyRun(fixture.model, scheme: "W4A16", in: folder) {
        let file = $0.appending(path: "config.json")
        var configuration = try JSONValue.parse(contentsOf: file)
        configuration.set(fixture.key, 5)
        try Data(configuration.text().utf8).write(to: file)
      }
      var job = run.job
      if isModelFree {
        job = QuantizationJob(
          model: run.source,
          modifier: AutoRoundModifier(
            try ResolvedOptions(
              overrides: OptionOverrides(scheme: "W4A16") {
                $0.isModelFree = true
                $0.groupSize = 16
              })), output: run.output)
      }
      let before = try names(in: folder)
      expectInputError(
        .malformed, mentioning: ["model.safetensors", "model.layers.0.block_sparse_moe", "[5, 64]"]
      ) {
        try job.run()
      }
      #expect(try names(in: folder) == before)
    }
  }

  /// Gates and ups that are together as many as inputs, in some blocks or in all, are taken as published.
  @Test func shapesThatDoNotTell() throws {
    let file = Fixtures.folder.appending(path: "models/qwen3_vl_moe/config.json")
    func isTransposed(width: Int, _ shapes: [[Int]]) throws -> Bool {
      var configuration = try JSONValue.parse(contentsOf: file)
      var text = try #require(configuration["text_config"])
      text.set("moe_intermediate_size", JSONValue(width))
      configuration.set("text_config", text)
      let stacks = shapes.enumerated().map {
        ("model.language_model.layers.\($0).mlp.experts.gate_up_proj", $1)
      }
      let description = try Architectures.describe(
        JSONReader(configuration),
        shapes: Dictionary(
          uniqueKeysWithValues: [("model.language_model.embed_tokens.weight", [160, 64])] + stacks))
      let layer = try #require(
        description.layerTensors.first { $0.layer.hasSuffix("experts.0.gate_proj") })
      return layer.stored.isTransposed
    }
    let count = 6
    #expect(try isTransposed(width: 32, [[count, 64, 64]]))
    #expect(try isTransposed(width: 24, [[count, 64, 48]]))
    #expect(try !isTransposed(width: 24, [[count, 48, 64]]))
    #expect(try isTransposed(width: 24, [[count, 48, 64], [count, 64, 48]]))
    #expect(try isTransposed(width: 24, []))
  }

  /// Nemotron H with experts of more channels than tokens have, through layers that turn pairs of channels and, behind the
  /// experts, turn them back: the same model as the one without these.
  @Test func expertsOfOtherChannelsThanTokens() throws {
    let (hidden, latent) = (64, 80)
    /// Rows `2k` and `2k + 1` of a matrix, turned.
    func turned(_ rows: [[Float]], back: Bool = false) -> [[Float]] {
      let (cosine, sine): (Float, Float) = (0.6, back ? -0.8 : 0.8)
      return rows.indices.map { row in
        let (even, odd) = (rows[row & ~1], rows[row | 1])
        return zip(even, odd).map {
          row.isMultiple(of: 2) ? cosine * $0 - sine * $1 : sine * $0 + cosine * $1
        }
      }
    }
    func transposed(_ rows: [[Float]]) -> [[Float]] {
      rows[0].indices.map { column in rows.map { $0[column] } }
    }
    func matrix(_ rows: Int, _ columns: Int, _ element: (Int, Int) -> Float) -> [[Float]] {
      (0..<rows).map { row in (0..<columns).map { element(row, $0) } }
    }
    let unit = matrix(hidden, hidden) { $0 == $1 ? 1 : 0 }
    let other = matrix(latent - hidden, hidden) { Float(($1 * 7 + $0) % 5) / 5 - 0.4 }
    let nothing = matrix(latent - hidden, 24) { _, _ in 0 }
    func change(_ tensors: inout [String: Tensor]) {
      func rows(_ name: String) -> [[Float]] {
        members(tensors[name]!.reshaped(), turned: false)[0]
      }
      for name in tensors.keys.sorted() where name.contains(".experts.") && !name.contains("shared")
      {
        if name.hasSuffix("up_proj.weight") {
          tensors[name] = tensor(
            transposed(turned(transposed(rows(name))) + nothing), isVector: false)
        } else {
          tensors[name] = tensor(turned(rows(name)) + nothing, isVector: false)
        }
      }
      for name in tensors.keys.filter({ $0.hasSuffix("mixer.gate.weight") }) {
        let mixer = name.dropLast("gate.weight".count)
        tensors["\(mixer)fc1_latent_proj.weight"] = tensor(turned(unit) + other, isVector: false)
        tensors["\(mixer)fc2_latent_proj.weight"] = tensor(
          transposed(turned(unit) + other), isVector: false)
      }
    }
    try withTemporaryFolder { folder in
      let plain = try FamilyRun("nemotron_h", scheme: "W4A16", in: folder.appending(path: "a"))
      let run = try FamilyRun("nemotron_h", scheme: "W4A16", in: folder.appending(path: "b")) {
        let file = $0.appending(path: "config.json")
        var configuration = try JSONValue.parse(contentsOf: file)
        configuration.set("moe_latent_size", JSONValue(latent))
        try Data(configuration.text().utf8).write(to: file)
        try SourceFolder.rewrite($0, change)
      }
      let windows: [[Int32]] = [0, 3].map { first in
        (0..<24).map { (token: Int32) in (token * token + first) % 96 }
      }
      let (own, found) = (
        try Evaluation(model: plain.source).run(onWindows: windows),
        try Evaluation(model: run.source).run(onWindows: windows)
      )
      #expect(abs(own.perplexity / found.perplexity - 1) < 1e-5)
      let plan = try run.job.plan(measuresTime: false)
      let kept = try #require(plan.keptTensors.first { $0.name.contains("fc1_latent_proj") })
      #expect(kept.reason.contains("all experts"))
      #expect(plan.layers.first { $0.name.hasSuffix("experts.0.up_proj") }?.shape == [24, latent])
      let report = try run.job.run()
      #expect(plan.tensorByteCount == report.outputByteCount)
      let damage = try #require(report.verification).findings.filter { $0.kind == .damage }
      #expect(damage.map(\.message) == [])
    }
  }
}

extension Tensor {
  /// A matrix as a stack of one.
  fileprivate func reshaped() -> Tensor { Tensor(floats(), shape: [1] + shape) }
}
