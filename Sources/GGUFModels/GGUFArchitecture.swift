import Recordings

/// How llama.cpp knows a family of models.
struct GGUFArchitecture: Sendable {
  /// Its name there, which keys begin with.
  let name: String
  /// The values of `model_type` of the part that reads text.
  let modelTypes: [String]
  /// Modules inside a block, by their names in the checkpoint, where they are other than Llama's. A star stands for the
  /// numbers of experts, whose tensors become a stack.
  var modules: [String: String] = [:]
  /// Whole tensors inside a block whose names do not follow from their modules'.
  var tensors: [String: String] = [:]
  /// What the last norm is called.
  var finalNorm = "output_norm"
  /// Whether it has a head besides the table of tokens.
  var hasHead = true
  /// Whether a head is needed beside the table.
  var needsHead = false
  /// Whether neighbours are turned where the family turns halves, so that rows of queries and keys change places.
  var turnsNeighbours = false
  /// Whether queries, keys and values that lie in groups in one matrix are taken apart.
  var joinsGroups = false
  /// Whether sublayers beside each other are all that it has.
  var isParallel = false
  /// Whether it has GELU by tanh only, also where the family has the other one.
  var approximatesGELU = false
  /// Whether heads of values in linear attention are ordered by their place in a group.
  var spreadsValueHeads = false
  /// Whether it reads factors on angles, which is how it has Llama 3's.
  var readsRotaryFactors = false
  /// What it can compute of what models may compute otherwise than Llama.
  var features: Set<ModelFeature> = []
  var function = ElementFunction.silu
  /// With windows: every n-th block has none. Nil: it has no windows.
  var slidingPeriod: Int?
  /// Every n-th block knows no positions.
  var unrotatedPeriod: Int?
  /// Whether files say of each block if it has a window.
  var hasAnyWindows = false
  /// Whether some pairs of channels may not turn.
  var hasStillPairs = false
  /// The architecture of models with experts, where it is another one.
  var withExperts: String?
  /// What it cannot compute of a model, besides its features.
  var refusal: (@Sendable (ModelFacts) -> String?)?
  /// What it computes otherwise, or does not load, in ways that published models do not have or hardly show.
  var remark: (@Sendable (ModelFacts) -> String?)?
  /// Models of so many blocks have scores scaled by the width over the number of heads.
  var widthScaledBlockCount: Int?
  /// Keys besides those of all architectures.
  var keys: [KeyRule] = []
  /// What a configuration says of models that are read from files; nil: they are not read.
  var configuration: ConfigurationTerms?

  /// What modules inside a block are called in Llama and its kin.
  static let llamaModules = [
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
  ]

  static let headNorms = ["self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm"]

  /// Experts with their router.
  static func experts(
    in module: String = "mlp", router: String = "gate",
    names: (gate: String, up: String, down: String) = ("gate_proj", "up_proj", "down_proj")
  ) -> [String: String] {
    [
      "\(module).\(router)": "ffn_gate_inp", "\(module).experts.*.\(names.gate)": "ffn_gate_exps",
      "\(module).experts.*.\(names.up)": "ffn_up_exps",
      "\(module).experts.*.\(names.down)": "ffn_down_exps",
    ]
  }

  static func sharedExpert(_ module: String) -> [String: String] {
    [
      "\(module).gate_proj": "ffn_gate_shexp", "\(module).up_proj": "ffn_up_shexp",
      "\(module).down_proj": "ffn_down_shexp",
    ]
  }

  /// Norms behind sublayers and none before them, or one on either side.
  static let outputNorms = [
    "post_attention_layernorm": "post_attention_norm",
    "pre_feedforward_layernorm": "ffn_norm", "post_feedforward_layernorm": "post_ffw_norm",
  ]

  /// What a tensor inside a block is called, without the block; nil where it is not known.
  func name(ofTensor name: String) -> String? {
    if let whole = tensors[name] { return whole }
    guard let dot = name.lastIndex(of: ".") else { return nil }
    let (module, end) = (String(name[..<dot]), name[dot...])
    guard end == ".weight" || end == ".bias" else { return nil }
    return (modules[module] ?? Self.llamaModules[module]).map { $0 + end }
  }
}

extension [String: String] {
  static func + (a: Self, b: Self) -> Self { a.merging(b) { $1 } }
}
