import Diagnostics
import JSONText
import LanguageModels
import ModelFamilies

/// What transformers and vLLM ask of the layers of a checkpoint.
struct LoadContracts {
  let configuration: JSONValue
  let description: QuantizationDescription
  /// What files and transformers call the modules of a known model; nil for the usual names.
  var names: ModuleNames?
  /// Every linear layer with its rows and columns and, if it is quantized, its scheme.
  let layers: [String: (shape: [Int], scheme: LayerScheme?)]
  /// `weight_global_scale` of the layers that have one, by the tensors' names.
  var globalScales: [String: Float] = [:]

  /// Layers that vLLM runs as one: the ends of the name that it has for them, and of their own.
  private static let fused = [
    (
      name: "self_attn.qkv_proj",
      parts: ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
    ),
    (name: "gate_up_proj", parts: ["gate_proj", "up_proj"]),
    (name: "fused_qkv_a_proj", parts: ["q_a_proj", "kv_a_proj_with_mqa"]),
    (name: "in_proj_qkvz", parts: ["in_proj_qkv", "in_proj_z"]),
    (name: "in_proj_ba", parts: ["in_proj_b", "in_proj_a"]),
  ]

  /// The types that weights of a model are computed in.
  private static let dtypes: Set = ["auto", "bfloat16", "float16", "float32", "float64"]

  func run(_ report: inout VerificationReport) {
    defer { description.reportCost(&report) }
    checkModelClass(&report)
    for (name, layer) in layers.sorted(by: { $0.key < $1.key }) {
      checkScheme(name, layer.scheme, &report)
    }
    checkLoadedNames(&report)
    WholeGroups(layers: layers).run(&report)
    checkFused(&report)
    checkReadings(&report)
    checkGroupsInUse(&report)
    report.tensorParallelSizes =
      DeviceSharing(
        configuration: configuration["text_config"] ?? configuration, layers: layers
      ).counts
  }

  private func checkModelClass(_ report: inout VerificationReport) {
    let architectures = configuration["architectures"]?.arrayValue?.compactMap(\.stringValue) ?? []
    if architectures.isEmpty {
      report.add(
        .contract, "config.json: architectures",
        "is missing; runtimes choose the model's class by it", refusedBy: [.vLLM])
    }
    for key in ["dtype", "torch_dtype"] {
      guard let value = configuration[key], !value.isNull,
        !Self.dtypes.contains(value.stringValue ?? "")
      else { continue }
      report.add(
        .contract, "config.json: \(key)",
        "is no type of torch's, expected such as \"bfloat16\"", refusedBy: Runtime.allCases)
    }
    if configuration["model_type"]?.stringValue == nil {
      report.add(
        .contract, "config.json: model_type", "is missing; transformers needs it",
        refusedBy: Runtime.allCases)
    }
  }

  /// Whether all runtimes find the same scheme for each layer, and for those that they run as one.
  private func checkReadings(_ report: inout VerificationReport) {
    var places: [String: [String]] = [:]
    func compare(
      _ name: String, _ first: LayerScheme?, of part: String = "it", _ second: LayerScheme?
    ) {
      guard let first, let second, !first.isSame(second) else { return }
      let reading =
        "transformers finds \(quoted(first.group)) for \(part) and vLLM \(quoted(second.group))"
      places[reading, default: []].append(name)
    }
    for (name, layer) in layers where layer.scheme != nil {
      compare(name, description.scheme(of: name), description.schemeInVLLM(of: name))
    }
    for (fused, parts) in Self.fused {
      for (name, layer) in layers where name.hasSuffix("." + parts[0]) && layer.scheme != nil {
        let stem = String(name.dropLast(parts[0].count))
        compare(
          stem + fused, description.scheme(of: name), of: parts[0],
          description.schemeInVLLM(of: stem + fused, parts: parts.map { stem + $0 }))
      }
    }
    for (reading, names) in places.sorted(by: { $0.key < $1.key }) {
      report.add(
        .contract, names.min() ?? "",
        "\(reading): targets of both match it" + Self.others(names.count - 1),
        refusedBy: [.vLLM], "it finds other schemes than those that are stored")
    }
  }

  /// Whether every group gives a layer its scheme.
  private func checkGroupsInUse(_ report: inout VerificationReport) {
    let used = Set(layers.keys.compactMap { description.scheme(of: $0)?.group })
    let idle = description.schemes.filter { !used.contains($0.group) }
    guard !description.isByExceptions, !layers.isEmpty, let first = idle.first else { return }
    report.add(
      .contract, "config.json: quantization_config.config_groups.\(first.group)",
      "gives no layer its scheme" + Self.others(idle.count - 1))
  }

  static func others(_ count: Int) -> String { count > 0 ? "; so with \(count) more" : "" }

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
          + "not", refusedBy: Runtime.allCases)
    case (let stored?, nil):
      report.add(
        .contract, name,
        description.ignores(name)
          ? "is quantized, but ignore lists it"
          : "is quantized as \(stored.format.name), but no target matches it",
        refusedBy: Runtime.allCases)
    default: break
    }
  }

  /// Whether transformers finds what is stored of a layer under the name that it has for it.
  private func checkLoadedNames(_ report: inout VerificationReport) {
    var places: [String] = []
    for (name, layer) in layers {
      guard let loaded = ModuleNames.loadedNames(of: name, in: names).last else { continue }
      let found = description.scheme(of: loaded)
      if let found, let stored = layer.scheme, found.isSame(stored) { continue }
      // What chooses experts is no linear layer there.
      let isChoice = layer.scheme == nil && name.hasSuffix(".gate")
      if !isChoice, found != nil || layer.scheme != nil { places.append(name) }
    }
    guard let first = places.min(), let loaded = ModuleNames.loadedNames(of: first, in: names).last
    else { return }
    report.add(
      .contract, first,
      "transformers calls it \(quoted(loaded)) and finds "
        + (description.scheme(of: loaded).map { quoted($0.group) } ?? "no scheme")
        + " for it, which is not what is stored" + Self.others(places.count - 1),
      refusedBy: [.transformers])
  }

  private func checkFused(_ report: inout VerificationReport) {
    for (_, parts) in Self.fused {
      let first = parts[0]
      for name in layers.keys.sorted() where name.hasSuffix("." + first) {
        let stem = name.dropLast(first.count)
        let members = parts.map { "\(stem)\($0)" }
        let present = members.filter { layers[$0] != nil }
        // What a known family has, ModelTensors knows better: some of its blocks may have queries alone. Blocks that
        // config.json does not count are not run.
        for missing in members
        where layers[missing] == nil && !isOfKnownFamily && isCounted(missing) {
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
            "vLLM runs \(parts.joined(separator: ", ")) as one; they have different schemes",
            refusedBy: [.vLLM],
            "it runs \(parts.joined(separator: ", ")) as one, and they have different schemes")
        }
        if Set(present.map { globalScales["\($0).weight_global_scale"] }).count > 1 {
          report.add(
            .contract, String(stem),
            "vLLM runs \(parts.joined(separator: ", ")) as one; their weight_global_scale differs")
        }
      }
    }
  }

  private var isOfKnownFamily: Bool { Architectures.know(JSONReader(configuration)) }

  private func isCounted(_ name: String) -> Bool {
    guard let count = configuration["num_hidden_layers"]?.intValue,
      let block = blockNumber(of: name)
    else { return true }
    return block < count
  }
}
