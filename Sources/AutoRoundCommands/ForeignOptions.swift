import Diagnostics

/// What auto-round and LLM Compressor call an option of `quantize`, and what it is here: for errors that name ours, and for
/// docs/OPTIONS.md, which has a row for each.
package struct ForeignOption: Sendable {
  /// The flags of auto-round, as it spells them.
  package let autoRound: [String]
  /// The arguments of LLM Compressor: of its modifier, or of `oneshot`.
  package let compressor: [String]
  /// The flag here, with its value if it needs one; nil where there is none.
  package let flag: String?
  /// What else is to be said.
  package let remark: String

  private init(
    _ autoRound: String, _ compressor: String = "", _ flag: String? = nil, _ remark: String = ""
  ) {
    (self.autoRound, self.compressor) = (Self.words(autoRound), Self.words(compressor))
    (self.flag, self.remark) = (flag, remark)
  }

  private static func words(_ text: String) -> [String] {
    text.split(separator: " ").map(String.init)
  }

  /// Whether a flag is this option, dashes and underscores being the same.
  func isCalled(_ flag: String) -> Bool {
    let name = flag.replacing("_", with: "-")
    return (autoRound + compressor.map { "--" + $0 }).contains {
      $0.replacing("_", with: "-") == name
    }
  }

  /// The option as an error tells it.
  ///
  /// - Parameters:
  ///   - known: The flags of the command.
  ///   - quantizes: Whether the command is about quantizing, as what is said of options without a flag here is.
  /// - Returns: Nil where it is of no use there.
  func advice(among known: [String], quantizes: Bool) -> String? {
    guard let flag else { return quantizes ? remark : nil }
    guard known.contains(String(flag.prefix { $0 != " " })) else { return nil }
    return "did you mean \(quoted(flag))?"
  }

  /// All of them, in the order of the documentation.
  package static let all: [ForeignOption] = [
    .init(
      "--model --model_name --model_name_or_path", "model", nil,
      "the checkpoint is the first argument"),
    .init("--scheme", "scheme", "--scheme"),
    .init("--bits --bit", "", "--bits"),
    .init(
      "--group_size", "", "--group-size",
      "0, one scale for a tensor, is `strategy: tensor` in a recipe"),
    .init("--asym", "", "--asym"),
    .init(
      "--data_type --dtype", "", "--scheme", "a scheme names the kind of number: MXFP4, NVFP4, FP8"),
    .init(
      "--act_bits --act_group_size --act_asym --act_data_type --act_dtype --disable_act_dynamic",
      "",
      nil,
      "the inputs of layers are part of a scheme: --scheme W4A8, FP8_DYNAMIC or FP8 (static), or a recipe"
    ),
    .init("--layer_config", "config_groups", "--recipe", "a recipe gives schemes to layers"),
    .init("--ignore_layers --fp_layers", "ignore", "--ignore"),
    .init("--quant_lm_head", "", "--lm-head quantize"),
    .init("--static_kv_dtype", "kv_cache_scheme", "--recipe", "`kv_cache_scheme` in a recipe"),
    .init("--iters --iter", "iters", "--iterations"),
    .init("--lr", "lr", "--learning-rate"),
    .init("--minmax_lr", "", "--minmax-lr"),
    .init("--momentum", "", "--momentum", "of gradients of weights, not of parameters"),
    .init("--batch_size --train_bs --bs", "batch_size", "--batch-size"),
    .init("--gradient_accumulate_steps", "", "--gradient-accumulate-steps"),
    .init("--nsamples --nsample", "num_calibration_samples", "--samples"),
    .init("--seqlen --seq_len", "max_seq_length", "--sequence-length"),
    .init("--dataset", "dataset dataset_path", "--calibration", "a file of text or records"),
    .init("--seed", "", "--seed"),
    .init("--enable_alg_ext", "", "--algorithm signround-v2"),
    .init("--disable_opt_rtn", "disable_opt_rtn", "--disable-opt-rtn"),
    .init(
      "--enable_opt_rtn", "", nil,
      "scales are searched for with --iterations 0 unless --disable-opt-rtn is given"),
    .init("--model_free", "", "--model-free"),
    .init("", "moe_calibrate_all_experts", "--calibrate-all-experts", "off unless given"),
    .init(
      "--format --formats", "", "--format",
      "`compressed-tensors` unless given, auto-round's `llm_compressor`"),
    .init("--output_dir", "output_dir", "--output"),
    .init("--max_shard_size", "", "--max-shard-size"),
    .init("--num_hidden_layers --debug_layer_num", "", "--layers", "a trial that writes nothing"),
    .init(
      "--low_gpu_mem_usage --low_cpu_mem_usage --disable_low_cpu_mem_usage", "", "--memory-budget",
      "memory is that of a block in any case"),
    .init("", "recipe", "--recipe"),
    .init("", "log_dir", "--log"),
    .init("", "model_revision", nil, "a checkpoint is owner/name@revision"),
    .init(
      "--eval --task --tasks --eval_bs --eval_backend --eval_task_by_task --limit", "", nil,
      "autoround evaluate measures perplexity and divergence"),
    .init("--device --devices --device_map", "device_ids", nil, "it computes on the processor"),
    .init(
      "--enable_torch_compile --disable_torch_compile", "enable_torch_compile", nil,
      "nothing is compiled"),
    .init(
      "--disable_trust_remote_code", "trust_remote_code_model", nil, "no code of a model is run"),
    .init(
      "--enable_deterministic_algorithms", "", nil, "the same run always writes the same bytes"),
    .init(
      "--enable_minmax_tuning --disable_minmax_tuning --no-enable_minmax_tuning", "", nil,
      "ranges are always tuned, by --minmax-lr"),
    .init(
      "--enable_quanted_input --disable_quanted_input --no-enable_quanted_input", "", nil,
      "a block always reads what the quantized blocks before it give"),
    .init(
      "--schemes --avg_bits --target_bits --options --shared_layers", "", nil,
      "schemes are not chosen for each layer; a recipe gives them"),
    .init("--nblocks", "", nil, "blocks are tuned one at a time"),
    .init(
      "--enable_adam --not_use_best_mse --enable_norm_bias_tuning --enable_lfq --enable_neuqi", "",
      nil,
      "there is nothing like it"),
  ]
}
