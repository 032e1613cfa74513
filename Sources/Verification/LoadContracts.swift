import Diagnostics
import JSONText

/// What transformers and vLLM ask of the layers of a compressed-tensors checkpoint.
struct LoadContracts {
  let configuration: JSONValue
  let description: QuantizationDescription
  /// Every linear layer with its rows and columns and, if it is quantized, its scheme.
  let layers: [String: (shape: [Int], scheme: LayerScheme?)]
  /// `weight_global_scale` of the layers that have one, by the tensors' names.
  var globalScales: [String: Float] = [:]

  /// Layers that vLLM runs as one: by the ends of their names.
  static let fused = [
    ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"], ["gate_proj", "up_proj"],
  ]

  func run(_ report: inout VerificationReport) {
    defer { description.reportCost(&report) }
    for (name, layer) in layers.sorted(by: { $0.key < $1.key }) {
      checkScheme(name, layer.scheme, &report)
      checkShape(name, layer.shape, &report)
      if let scheme = layer.scheme, let size = scheme.groupSize, size > 0,
        scheme.strategy.hasSuffix("group"), layer.shape[1] % size != 0
      {
        report.add(
          .contract, name,
          "has groups of \(size) over \(layer.shape[1]) inputs; vLLM needs whole groups")
      }
    }
    checkFused(&report)
    report.tensorParallelSizes = [1, 2, 4, 8, 16].filter(divides)
  }

  /// Whether a runtime finds for the layer what is stored of it.
  private func checkScheme(
    _ name: String, _ stored: LayerScheme?, _ report: inout VerificationReport
  ) {
    let configured = description.scheme(of: name)
    switch (stored, configured) {
    case (nil, let configured?):
      report.add(
        .contract, name,
        "is stored as it was, but a target of \(quoted(configured.group)) matches it and ignore does "
          + "not")
    case (let stored?, nil):
      report.add(
        .contract, name,
        description.ignores(name)
          ? "is quantized, but ignore lists it"
          : "is quantized as \(stored.format), but no target matches it")
    default: break
    }
  }

  private func checkFused(_ report: inout VerificationReport) {
    for parts in Self.fused {
      let first = parts[0]
      for name in layers.keys.sorted() where name.hasSuffix("." + first) {
        let stem = name.dropLast(first.count)
        let members = parts.map { "\(stem)\($0)" }
        let present = members.filter { layers[$0] != nil }
        for missing in members where layers[missing] == nil {
          report.add(.damage, missing, "is missing; \(present.joined(separator: ", ")) are there")
        }
        let schemes = present.map { layers[$0]?.scheme }
        let same = schemes.allSatisfy { scheme in
          switch (scheme, schemes[0]) {
          case (nil, nil): true
          case (let a?, let b?): a.isSame(b)
          default: false
          }
        }
        if !same {
          report.add(
            .contract, String(stem),
            "vLLM runs \(parts.joined(separator: ", ")) as one; they have different schemes")
        }
        if Set(present.map { globalScales["\($0).weight_global_scale"] }).count > 1 {
          report.add(
            .contract, String(stem),
            "vLLM runs \(parts.joined(separator: ", ")) as one; their weight_global_scale differs")
        }
      }
    }
  }

  /// The sizes that the configuration gives the usual layers.
  private func checkShape(_ name: String, _ shape: [Int], _ report: inout VerificationReport) {
    func value(_ key: String) -> Int? { configuration[key]?.intValue }
    guard let hidden = value("hidden_size"), let heads = value("num_attention_heads"), heads > 0
    else { return }
    let head = value("head_dim") ?? hidden / heads
    let keys = value("num_key_value_heads") ?? heads
    let parts = name.split(separator: ".").suffix(2).joined(separator: ".")
    let (queries, pairs) = (
      heads.multipliedReportingOverflow(by: head), keys.multipliedReportingOverflow(by: head)
    )
    guard !queries.overflow, !pairs.overflow else { return }
    let expected: [Int?]
    switch parts {
    case "self_attn.q_proj": expected = [queries.partialValue, hidden]
    case "self_attn.k_proj", "self_attn.v_proj": expected = [pairs.partialValue, hidden]
    case "self_attn.o_proj": expected = [hidden, queries.partialValue]
    case "mlp.gate_proj", "mlp.up_proj": expected = [value("intermediate_size"), hidden]
    case "mlp.down_proj": expected = [hidden, value("intermediate_size")]
    default: return
    }
    if expected.contains(where: { $0 == nil }) || expected.compactMap({ $0 }) == shape { return }
    report.add(
      .damage, name, "has shape \(shape), expected \(expected.compactMap { $0 }) from config.json")
  }

  /// Whether `count` devices share all layers evenly: heads, and whole groups and blocks of what is
  /// split. Devices in excess of the key-value heads have copies of them.
  private func divides(_ count: Int) -> Bool {
    if let heads = configuration["num_attention_heads"]?.intValue, heads % count != 0 {
      return false
    }
    var hasCopies = false
    if let heads = configuration["num_key_value_heads"]?.intValue, heads > 0, heads % count != 0 {
      guard count % heads == 0 else { return false }
      hasCopies = true
    }
    func isSplit(_ extent: Int, _ unit: Int?) -> Bool {
      let (whole, overflows) = max(unit ?? 1, 1).multipliedReportingOverflow(by: count)
      return !overflows && extent % whole == 0
    }
    return layers.allSatisfy { name, layer in
      let scheme = layer.scheme
      let block = scheme?.strategy == "block" && count > 1 ? scheme?.block : nil
      // What is packed is split between words.
      let word =
        scheme?.format == "pack-quantized" && count > 1 ? scheme?.elementsInWholeWords : nil
      if name.hasSuffix("o_proj") || name.hasSuffix("down_proj") {
        let group = scheme?.strategy.hasSuffix("group") == true ? scheme?.groupSize : nil
        return isSplit(layer.shape[1], block?.last ?? group) && isSplit(layer.shape[1], word)
      }
      if hasCopies, name.hasSuffix("k_proj") || name.hasSuffix("v_proj") { return true }
      // The rows of the head are padded.
      if name.hasSuffix("lm_head") { return true }
      let hasPackedZeros = scheme?.isSymmetric == false && scheme?.strategy != "tensor"
      return isSplit(layer.shape[0], block?.first)
        && isSplit(layer.shape[0], hasPackedZeros ? word : nil)
    }
  }
}

extension LayerScheme {
  /// The least number of packed elements that fill whole words of 32 bits.
  fileprivate var elementsInWholeWords: Int { 32 / (1 << bits.trailingZeroBitCount) }
}
