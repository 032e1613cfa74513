import LanguageModels
import Recordings

extension GGUFArchitectures {
  static let gemmas: [GGUFArchitecture] = [
    GGUFArchitecture(
      name: "gemma2", modelTypes: ["gemma2"], modules: GGUFArchitecture.outputNorms,
      hasHead: false, features: [.embeddingRoot, .scoreCap, .logitCap], function: .geluTanh,
      slidingPeriod: 2, widthScaledBlockCount: 46, keys: [.scoreCap, .logitCap, .window],
      configuration: .gemma2),
    GGUFArchitecture(
      name: "gemma3", modelTypes: ["gemma3_text", "gemma3"],
      modules: GGUFArchitecture.outputNorms + GGUFArchitecture.headNorms,
      features: [.embeddingRoot, .logitCap], function: .geluTanh, slidingPeriod: 6,
      widthScaledBlockCount: 62, keys: [.logitCap, .window],
      configuration: .gemma3Text),
    GGUFArchitecture(
      name: "gemma4", modelTypes: ["gemma4_text"],
      modules: GGUFArchitecture.outputNorms + GGUFArchitecture.headNorms + [
        "per_layer_input_gate": "inp_gate", "per_layer_projection": "proj",
        "post_per_layer_input_norm": "post_norm", "router.proj": "ffn_gate_inp",
        "experts.*.gate_proj": "ffn_gate_exps", "experts.*.up_proj": "ffn_up_exps",
        "experts.*.down_proj": "ffn_down_exps", "pre_feedforward_layernorm_2": "pre_ffw_norm_2",
        "post_feedforward_layernorm_1": "post_ffw_norm_1",
        "post_feedforward_layernorm_2": "post_ffw_norm_2",
      ],
      tensors: [
        "layer_scalar": "layer_output_scale.weight", "router.scale": "ffn_gate_inp.scale",
        "router.per_expert_scale": "ffn_down_exps.scale",
      ], readsRotaryFactors: true,
      features: [.scoreScale, .embeddingRoot, .logitCap, .normalizedExperts], function: .geluTanh,
      hasAnyWindows: true, hasStillPairs: true,
      refusal: { facts in
        facts.window == nil || facts.fullShape == nil ? "blocks of one kind only" : nil
      },
      keys: [
        .logitCap, .window, .slidingBlocks, .expertWidth, .rotatedChannels,
        .count("rope.dimension_count_swa") { facts in
          facts.slidingRotary.map { 2 * $0.inverseFrequencies.count }
        },
        .count("attention.key_length") { $0.fullShape?.headSize },
        .count("attention.value_length") { $0.fullShape?.valueSize },
        .count("attention.key_length_swa") { $0.slidingShape?.headSize },
        .count("attention.value_length_swa") { $0.slidingShape?.valueSize },
        .count("attention.shared_kv_layers") { facts in
          facts.attentions.filter { $0?.readsCarried == true }.count
        },
        .count("embedding_length_per_layer_input") { $0.model.front.blockInputs?.size ?? 0 },
        .ofBlocks("feed_forward_length") { facts in
          let widths = facts.feedForwards.map { $0?.output.inputs ?? 0 }
          return Set(widths).count > 1 ? widths : nil
        },
      ]),
  ]
}
