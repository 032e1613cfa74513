import Diagnostics
import JSONText
import Quantization

/// The `quantization_config` of a checkpoint that is written.
///
/// Loaders look layers up under the names that they have for them, so all of a layer's names are listed; vLLM looks for
/// those that it runs as one under one name of its own.
///
/// Sources: vLLM's `gptq_utils.py`, `awq_marlin.py` and `inc.py`, auto-round 0.16; 2026-11.
struct QuantizationRecord {
  private let method: GPTQ.Method
  private let packing: Packing
  private let usual: ColumnScheme
  /// Linear layers in the order of the model, with all their names; the scheme of those that are quantized.
  private let layers: [(names: [String], scheme: ColumnScheme?)]
  private static let head = "lm_head"

  /// - Parameters:
  ///   - schemes: By layer.
  ///   - modules: Of the whole model, in its order.
  init(
    _ method: GPTQ.Method, _ packing: Packing, schemes: [String: QuantizationScheme],
    modules: [ModuleDescription]
  ) throws(InputError) {
    (self.method, self.packing) = (method, packing)
    layers = modules.filter(\.isLinear).map { module in
      var names = [module.name]
      for name in module.loadedNames where !names.contains(name) { names.append(name) }
      return (names, schemes[module.name]?.weights.map(ColumnScheme.init))
    }
    guard let usual = Self.usual(of: layers, method) else {
      throw InputError(.unsupported, "no layer is quantized; expected integers")
    }
    self.usual = usual
    try requireDistinctNames()
  }

  /// The scheme of most layers in blocks, or that of the head where it is alone.
  ///
  /// vLLM before 0.32 chooses its kernels of GPTQ by the usual scheme, and its fast ones take no other layers than their
  /// own. So where there are others, one of these is the usual one, and the kernels are those that take all. Later ones
  /// have no kernels for others.
  private static func usual(
    of layers: [(names: [String], scheme: ColumnScheme?)], _ method: GPTQ.Method
  ) -> ColumnScheme? {
    let all = layers.compactMap(\.scheme)
    let others = all.filter { !$0.isFastInGPTQ }
    if method == .gptq, !others.isEmpty { return .usual(of: others) }
    let ofBlocks = layers.filter { !$0.names[0].hasSuffix(head) }.compactMap(\.scheme)
    return .usual(of: ofBlocks.isEmpty ? all : ofBlocks)
  }

  /// All keys, in alphabetical order, as the libraries that write such files have them.
  var json: JSONValue {
    var fields: [String: JSONValue] = [
      "bits": JSONValue(usual.bitCount), "data_type": "int",
      "group_size": JSONValue(usual.storedGroupSize), "quant_method": .string(method.rawValue),
      "sym": .bool(usual.isSymmetric),
    ]
    switch method {
    case .gptq:
      fields["desc_act"] = false
      fields["true_sequential"] = false
      fields["lm_head"] = .bool(isHeadQuantized)
      if packing == .gptqV2 { fields["checkpoint_format"] = "gptq_v2" }
      if !dynamic.isEmpty { fields["dynamic"] = .object(dynamic) }
    case .awq:
      fields["version"] = "gemm"
      // Stored zero points are read in either case; vLLM's fast kernels want them.
      fields["zero_point"] = true
      fields["modules_to_not_convert"] = .array(keptNames.map { .string($0) })
      if isHeadQuantized { fields["lm_head"] = true }
    case .autoRound:
      fields["packing_format"] = .string(packing.name)
      fields["block_name_to_quantize"] = .string(blockLists.joined(separator: ","))
      if !exceptions.isEmpty { fields["extra_config"] = .object(exceptions) }
    }
    return .object(fields.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, $0.value) })
  }

  private var isHeadQuantized: Bool {
    layers.contains { $0.scheme != nil && $0.names[0].hasSuffix(Self.head) }
  }

  private var keptNames: [String] {
    layers.filter { $0.scheme == nil }.flatMap(\.names)
  }

  /// The lists of blocks that have quantized layers: `model.layers`.
  private var blockLists: [String] {
    Set(layers.filter { $0.scheme != nil }.flatMap(\.names).compactMap(Self.blockList)).sorted()
  }

  /// What stands before the number of the block that a layer is in.
  private static func blockList(of name: String) -> String? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard let number = parts.firstIndex(where: { Int($0) != nil }), number > 0 else { return nil }
    return parts[..<number].joined(separator: ".")
  }

  /// Layers that are not what their list of blocks has usually, with their names; the head only where it is quantized.
  private var unusual: [(names: [String], scheme: ColumnScheme?)] {
    let lists = Set(blockLists)
    return layers.filter { layer in
      let isInBlocks = layer.names.contains { Self.blockList(of: $0).map(lists.contains) ?? false }
      return isInBlocks ? layer.scheme != usual : layer.scheme != nil
    }
  }

  private func fields(_ scheme: ColumnScheme) -> JSONValue {
    [
      "bits": JSONValue(scheme.bitCount), "group_size": JSONValue(scheme.storedGroupSize),
      "sym": .bool(scheme.isSymmetric),
    ]
  }

  /// Patterns for names, `-:` for layers that stay as they are.
  private var dynamic: [JSONValue.Member] {
    var members: [JSONValue.Member] = []
    let schemes = Dictionary(
      unusual.flatMap { layer in layer.names.map { ($0, layer.scheme) } },
      uniquingKeysWith: { a, _ in a })
    func add(_ name: String, _ scheme: ColumnScheme?) {
      let pattern = "^" + name.replacing(".", with: "\\.") + "$"
      members.append(
        scheme.map { JSONValue.Member("+:" + pattern, fields($0)) }
          ?? JSONValue.Member("-:" + pattern, [:]))
    }
    // The head has a key of its own, but for another scheme than the usual one.
    for layer in unusual where layer.scheme != usual {
      for name in layer.names {
        add(name, layer.scheme)
        for (fused, parts) in SiblingLayers.families where name.hasSuffix("." + parts[0]) {
          let stem = name.dropLast(parts[0].count)
          let isOne = parts.allSatisfy { schemes[stem + $0] == .some(layer.scheme) }
          if isOne { add(stem + fused, layer.scheme) }
        }
      }
    }
    return members
  }

  /// Names with what they have in place of the usual.
  private var exceptions: [JSONValue.Member] {
    unusual.flatMap { layer in
      layer.names.map { name in
        var entry: JSONValue = layer.scheme.map(fields) ?? ["bits": 16]
        entry.set("data_type", layer.scheme == nil ? "float" : "int")
        return JSONValue.Member(name, entry)
      }
    }
  }

  /// Refuses layers of AWQ that stay as they are and whose names stand in that of a quantized one: loaders would leave
  /// that one as it is too.
  private func requireDistinctNames() throws(InputError) {
    guard method == .awq else { return }
    let kept = keptNames
    for layer in layers where layer.scheme != nil {
      for name in layer.names {
        guard let other = kept.first(where: { name.contains($0) }) else { continue }
        throw InputError(
          .unsupported, place: layer.names[0],
          "is quantized, and loaders of awq would take it for \(quoted(other)), which is not")
      }
    }
  }
}
