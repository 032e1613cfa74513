import Diagnostics
import GGUF
import TestSupport
import Testing

@Suite struct GGUFMixTests {
  /// A model with 32 blocks of four queries to a key.
  private func model(
    _ architecture: String = "llama", blockCount: Int = 32, keyValueHeadCount: Int = 8,
    expertCount: Int = 0, hasOutput: Bool = true
  ) -> GGUFMix.Model {
    GGUFMix.Model(
      architecture: architecture, blockCount: blockCount, headCount: 32,
      keyValueHeadCount: keyValueHeadCount, expertCount: expertCount, hasOutput: hasOutput)
  }

  /// The names of a Llama model's tensors, in the order of its checkpoint.
  private func tensors(_ blockCount: Int) -> [(name: String, shape: [Int])] {
    var result: [(name: String, shape: [Int])] = [("output.weight", [512, 4096])]
    for block in 0..<blockCount {
      for name in [
        "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down", "attn_norm",
        "ffn_norm",
      ] {
        let isNorm = name.hasSuffix("norm")
        result.append(("blk.\(block).\(name).weight", isNorm ? [4096] : [4096, 4096]))
      }
    }
    return result + [("token_embd.weight", [512, 4096]), ("output_norm.weight", [4096])]
  }

  /// What auto_round chose for its files, by the same rules.
  @Test(arguments: GGUFFileTests.names) func filesOfAutoRound(name: String) throws {
    let file = try GGUFFile(opening: GGUFFileTests.url(name))
    guard case .uint32(let number) = file.metadata[GGUFFileType.key] else {
      Issue.record("no file type")
      return
    }
    let mix = GGUFMix(
      try #require(GGUFFileType(rawValue: number)),
      model: GGUFMix.Model(
        architecture: "llama", blockCount: 2, headCount: 4, keyValueHeadCount: 2, hasOutput: true))
    let types = mix.types(file.tensors.map { ($0.name, $0.shape) })
    #expect(types.count == 16)
    for info in file.tensors {
      #expect(types[info.name] ?? .f32 == info.type, "\(info.name)")
    }
  }

  /// The blocks whose values and second matrices have more bits, of 32: the first four, the last four, every third.
  static let moreBits = [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]

  /// A mix's rules: what most tensors are, and what of each role is otherwise in which blocks.
  struct Rules: Sendable {
    var fileType: GGUFFileType
    var output = GGUFTensorType.q6K
    var embedding: GGUFTensorType
    var query: GGUFTensorType
    var attentionOutput: GGUFTensorType
    var values: [GGUFTensorType]
    var downs: [GGUFTensorType]

    init(
      _ fileType: GGUFFileType, _ usual: GGUFTensorType, attentionOutput: GGUFTensorType? = nil,
      values: (GGUFTensorType, [Int])? = nil, otherValues: GGUFTensorType? = nil,
      downs: (GGUFTensorType, [Int])? = nil, otherDowns: GGUFTensorType? = nil
    ) {
      self.fileType = fileType
      (embedding, query) = (usual, usual)
      self.attentionOutput = attentionOutput ?? usual
      self.values = (0..<32).map { block in
        values.flatMap { $0.1.contains(block) ? $0.0 : nil } ?? otherValues ?? usual
      }
      self.downs = (0..<32).map { block in
        downs.flatMap { $0.1.contains(block) ? $0.0 : nil } ?? otherDowns ?? usual
      }
      if usual == .q80 { output = .q80 }
    }
  }

  static let rules: [Rules] = [
    Rules(.q40, .q40), Rules(.q41, .q41), Rules(.q50, .q50), Rules(.q51, .q51),
    Rules(.q80, .q80), Rules(.q6K, .q6K),
    Rules(.q2K, .q2K, attentionOutput: .q3K, otherValues: .q4K, otherDowns: .q3K),
    Rules(.q2KS, .q2K, otherValues: .q4K, downs: (.q4K, [0, 1, 2, 3])),
    Rules(.q3KS, .q3K),
    Rules(
      .q3KM, .q3K, attentionOutput: .q4K, values: (.q5K, [0, 1]), otherValues: .q4K,
      downs: (.q5K, [0, 1]), otherDowns: .q4K),
    Rules(.q3KL, .q3K, attentionOutput: .q5K, otherValues: .q5K, otherDowns: .q5K),
    Rules(.q4KS, .q4K, values: (.q5K, [0, 1, 2, 3]), downs: (.q5K, [0, 1, 2, 3])),
    Rules(.q4KM, .q4K, values: (.q6K, moreBits), downs: (.q6K, moreBits)),
    Rules(.q5KS, .q5K),
    Rules(.q5KM, .q5K, values: (.q6K, moreBits), downs: (.q6K, moreBits)),
  ]

  @Test(arguments: rules) func mixesOfALlama(rules: Rules) {
    let types = GGUFMix(rules.fileType, model: model()).types(tensors(32).reversed())
    #expect(types.count == 7 * 32 + 2)
    #expect(types["output.weight"] == rules.output)
    #expect(types["token_embd.weight"] == rules.embedding)
    #expect(types["output_norm.weight"] == nil)
    for block in 0..<32 {
      for (name, expected) in [
        ("attn_q", rules.query), ("attn_k", rules.query), ("attn_v", rules.values[block]),
        ("attn_output", rules.attentionOutput), ("ffn_gate", rules.query),
        ("ffn_up", rules.query), ("ffn_down", rules.downs[block]),
      ] {
        #expect(types["blk.\(block).\(name).weight"] == expected, "\(name) of block \(block)")
      }
      #expect(types["blk.\(block).attn_norm.weight"] == nil)
    }
  }

  @Test func allKindsOfFilesHaveRules() {
    let plain: Set<GGUFFileType> = [.f32, .f16, .bf16]
    #expect(Set(Self.rules.map(\.fileType)).union(plain) == Set(GGUFFileType.allCases))
    for type in plain {
      let types = GGUFMix(type, model: model()).types(tensors(2))
      #expect(types.count == 16)
      #expect(types.values.everySatisfies { $0 == type.usualType })
    }
    for type in GGUFFileType.allCases {
      #expect(GGUFFileType(name: type.name.uppercased()) == type)
    }
    #expect(GGUFFileType(name: "q4_k") == nil)
  }

  /// An embedding that is the output too has the output's type.
  @Test func tiedEmbeddings() {
    let mix = GGUFMix(.q4KM, model: model(hasOutput: false))
    #expect(mix.type(of: .embedding, columns: 4096) == .q6K)
    #expect(mix.type(of: .embedding, columns: 96) == .q80)
    #expect(GGUFMix(.q4KM, model: model()).type(of: .embedding, columns: 4096) == .q4K)
    #expect(GGUFMix(.q80, model: model(hasOutput: false)).type(of: .embedding, columns: 64) == .q80)
  }

  @Test func rowsThatAreNotWholeBlocks() {
    for (fileType, of32, other) in [
      (GGUFFileType.q2K, GGUFTensorType.q40, GGUFTensorType.f16), (.q3KS, .q40, .f16),
      (.q4KS, .q50, .f16), (.q5KS, .q51, .f16), (.q6K, .q80, .f16), (.q80, .q80, .f16),
      (.q40, .q40, .f16),
    ] {
      let mix = GGUFMix(fileType, model: model())
      #expect(mix.type(of: .attentionQuery, columns: 96) == of32)
      #expect(mix.type(of: .attentionQuery, columns: 80) == other)
      #expect(mix.type(of: .output, columns: 96) == .q80)
    }
  }

  @Test func queriesThatShareKeys() {
    let few = model(keyValueHeadCount: 16)
    #expect(GGUFMix(.q2K, model: few).type(of: .attentionValue, columns: 256) == .q3K)
    #expect(GGUFMix(.q2KS, model: few).type(of: .attentionValue, columns: 256) == .q2K)
    #expect(GGUFMix(.q2KS, model: model()).type(of: .attentionValue, columns: 256) == .q4K)
    // No keys and values at all.
    let none = model(keyValueHeadCount: 0)
    #expect(GGUFMix(.q2K, model: none).type(of: .attentionValue, columns: 256) == .q3K)
  }

  /// Llama 2 and 3 of 70B, Qwen 2 of 72B: values of 3 and 4 bits get 5.
  @Test func seventyBillion() {
    let index = 40  // no block with more bits
    for (architecture, heads, expected) in [
      ("llama", 8, GGUFTensorType.q5K), ("llama", 32, .q4K), ("qwen2", 8, .q5K), ("deci", 8, .q5K),
      ("qwen3", 8, .q4K),
    ] {
      let model = model(architecture, blockCount: 80, keyValueHeadCount: heads)
      let type = GGUFMix(.q4KM, model: model)
        .type(of: .attentionValue, columns: 256, index: index, count: 80)
      #expect(type == expected, "\(architecture)")
    }
  }

  /// Mixtral's eight experts: attention has more bits. Experts' matrices go by the number of the block.
  @Test func experts() {
    let mix = GGUFMix(.q4KM, model: model(expertCount: 8))
    let types = mix.types([
      ("blk.0.attn_k.weight", [256, 256]), ("blk.5.attn_v.weight", [256, 256]),
      ("blk.5.attn_output.weight", [256, 256]), ("blk.5.ffn_gate_inp.weight", [8, 256]),
      ("blk.5.ffn_down_exps.weight", [8, 256, 256]), ("blk.6.ffn_down_exps.weight", [8, 256, 256]),
      ("blk.6.ffn_gate_exps.weight", [8, 256, 256]),
    ])
    #expect(
      types == [
        "blk.0.attn_k.weight": .q80, "blk.5.attn_v.weight": .q80,
        "blk.5.attn_output.weight": .q5K, "blk.5.ffn_down_exps.weight": .q4K,
        "blk.6.ffn_down_exps.weight": .q6K, "blk.6.ffn_gate_exps.weight": .q4K,
      ])
    let many = GGUFMix(.q4KM, model: model(expertCount: 128)).types([
      ("blk.6.ffn_down_exps.weight", [8, 256, 256]), ("blk.5.attn_output.weight", [256, 256]),
      ("blk.5.attn_k.weight", [256, 256]),
    ])
    #expect(
      many == [
        "blk.6.ffn_down_exps.weight": .q6K, "blk.5.attn_output.weight": .q4K,
        "blk.5.attn_k.weight": .q4K,
      ])
  }

  /// Where blocks without experts come first, or only some blocks have attention, tensors are counted, not blocks.
  @Test func countsOfTensors() {
    let mix = GGUFMix(.q4KM, model: model(blockCount: 8))
    let types = mix.types(
      [3, 7, 11].map { ("blk.\($0).attn_v.weight", [256, 256]) }
        + [("blk.10.ffn_down.weight", [256, 256])])
    // Of three: index 2 is in the last eighth and a third one.
    #expect(types["blk.3.attn_v.weight"] == .q4K)
    #expect(types["blk.7.attn_v.weight"] == .q4K)
    #expect(types["blk.11.attn_v.weight"] == .q6K)
    // The first of eight.
    #expect(types["blk.10.ffn_down.weight"] == .q6K)
  }

  @Test func importances() {
    for (fileType, expected) in [(GGUFFileType.q40, GGUFTensorType.q41), (.q50, .q51)] {
      let mix = GGUFMix(fileType, model: model(), hasImportance: true)
      #expect(mix.type(of: .feedForwardDown, columns: 256, index: 3) == expected)
      #expect(mix.type(of: .feedForwardDown, columns: 256, index: 4) == fileType.usualType)
    }
  }

  @Test func whatIsNotQuantized() {
    for name in [
      "blk.0.attn_norm.weight", "blk.0.attn_q_norm.weight", "blk.0.ffn_gate_inp.weight",
      "blk.0.ssm_conv1d.weight", "blk.0.shortconv.conv.weight", "blk.0.attn_q.bias",
      "rope_freqs.weight_not", "position_embd.weight", "per_layer_model_proj.weight",
    ] {
      #expect(!GGUFTensorRole.isQuantized(name, dimensionCount: 2), "\(name)")
    }
    for name in ["blk.0.attn_q.weight", "token_embd.weight", "blk.0.ssm_in.weight"] {
      #expect(GGUFTensorRole.isQuantized(name, dimensionCount: 2), "\(name)")
      #expect(!GGUFTensorRole.isQuantized(name, dimensionCount: 1), "\(name)")
    }
  }
}
