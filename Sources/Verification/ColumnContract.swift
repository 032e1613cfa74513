import JSONText

/// What loaders of GPTQ, AWQ and auto_round ask of the keys of a `quantization_config`.
///
/// vLLM refuses one without the keys that it reads at once; other keys of such files describe how they were made.
struct ColumnContract {
  /// `quant_method`.
  let method: String
  let place: String

  private var required: [String] {
    switch method {
    case "gptq": ["bits", "desc_act", "group_size", "sym"]
    case "awq": ["bits", "group_size", "zero_point"]
    default: ["bits", "group_size", "sym"]
    }
  }

  func check(_ fields: JSONValue, _ report: inout VerificationReport) {
    for key in required where fields[key]?.isNull ?? true {
      report.add(
        .contract, "\(place).\(key)", "is missing, and vLLM needs it", refusedBy: [.vLLM],
        "\(key) is missing")
    }
    func require(_ key: String, _ expected: String, _ isMet: (JSONValue) -> Bool) {
      guard let value = fields[key], !value.isNull, !isMet(value) else { return }
      report.add(
        .contract, "\(place).\(key)", "is not \(expected)", refusedBy: Runtime.allCases)
    }
    for key in ["sym", "zero_point", "lm_head", "true_sequential"] {
      require(key, "true or false") { $0.boolValue != nil }
    }
    require("desc_act", "false: inputs stay in their order") { $0.boolValue == false }
    require("bits", "a number") { $0.intValue != nil }
    require("group_size", "a number") { $0.intValue != nil }
    for key in ["dynamic", "extra_config"] { require(key, "an object") { $0.objectValue != nil } }
    require("modules_to_not_convert", "a list of names") {
      $0.arrayValue.map { names in !names.contains { $0.stringValue == nil } } ?? false
    }
  }
}
