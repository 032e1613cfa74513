import Diagnostics
import Foundation
import JSONText

/// `quantization_config` of GPTQ, AWQ and auto_round: one scheme for all layers, and what some have in its place.
struct ColumnDescription {
  private enum Method: String {
    case gptq, awq
    case autoRound = "auto-round"
  }

  /// What some layers have: a name, or a pattern for names, and a scheme; none where they stay as they are.
  private struct Exception {
    let name: String
    /// Nil for a name.
    let expression: NSRegularExpression?
    let scheme: Int?
  }

  /// The usual one first.
  private(set) var schemes: [LayerScheme] = []
  private let method: Method
  private var exceptions: [Exception] = []
  /// Where the usual scheme holds: lists of blocks; nil for all there are.
  private var blockLists: [String]?
  private var isHeadQuantized = false
  private let limit: MatchLimit
  private static let place = "config.json: quantization_config"

  /// Whether a `quant_method` is one of these.
  static func knows(_ method: String?) -> Bool { method.flatMap(Method.init) != nil }

  /// - Returns: Nil, and findings, for what says nothing of how layers are stored.
  init?(_ fields: JSONValue, _ limit: MatchLimit, _ report: inout VerificationReport) {
    guard let method = fields["quant_method"]?.stringValue.flatMap(Method.init) else { return nil }
    (self.method, self.limit) = (method, limit)
    let (key, usual) =
      switch method {
      case .gptq: ("checkpoint_format", "gptq")
      case .awq: ("version", "gemm")
      case .autoRound: ("packing_format", "auto_round:auto_gptq")
      }
    let name = fields[key]?.stringValue ?? usual
    guard fields[key].map({ $0.stringValue != nil }) ?? true,
      Self.formats(of: method).contains(name.lowercased()),
      let format = StoredColumns.formats[name.lowercased()]
    else {
      report.add(
        .contract, "\(Self.place).\(key)",
        "found \(quoted(name)), expected \(Self.formats(of: method).joined(separator: " or "))",
        refusedBy: Runtime.allCases)
      return nil
    }
    ColumnContract(method: method.rawValue, place: Self.place).check(fields, &report)
    guard let scheme = scheme(fields, "quantization_config", format, besides: nil, &report) else {
      return nil
    }
    schemes = [scheme]
    isHeadQuantized = fields["lm_head"]?.boolValue == true
    if method == .autoRound {
      blockLists = fields["block_name_to_quantize"].flatMap(Self.names)
    }
    if method == .awq {
      for name in fields["modules_to_not_convert"]?.arrayValue?.compactMap(\.stringValue) ?? [] {
        exceptions.append(Exception(name: name, expression: nil, scheme: nil))
      }
    } else {
      let key = method == .gptq ? "dynamic" : "extra_config"
      for member in fields[key]?.objectValue ?? [] {
        add(member, "\(Self.place).\(key)", format, &report)
      }
    }
  }

  private static func formats(of method: Method) -> [String] {
    switch method {
    case .gptq: ["gptq", "gptq_v2"]
    case .awq: ["gemm"]
    case .autoRound:
      ["auto_round", "auto_round:auto_awq", "auto_round:auto_gptq", "auto_round:gptqmodel"]
    }
  }

  private static func names(_ value: JSONValue) -> [String]? {
    let texts = value.stringValue.map { [$0] } ?? value.arrayValue?.compactMap(\.stringValue)
    let names = texts?.flatMap {
      $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }
    return names?.isEmpty == true ? nil : names
  }

  private mutating func add(
    _ member: JSONValue.Member, _ place: String, _ format: StoredFormat,
    _ report: inout VerificationReport
  ) {
    var (name, isKept, isPattern) = (member.key, false, false)
    if method == .gptq {
      isKept = name.hasPrefix("-:")
      if isKept || name.hasPrefix("+:") { name.removeFirst(2) }
      isPattern = true
    } else {
      isPattern = name.contains { "*+?^$()[]{}|\\".contains($0) }
    }
    var expression: NSRegularExpression?
    if isPattern {
      expression = NamePatterns.expression("re:" + name, place, &report)
      if expression == nil { return }
    }
    var index: Int?
    if !isKept {
      guard Self.isQuantized(member.value) else {
        exceptions.append(Exception(name: name, expression: expression, scheme: nil))
        return
      }
      guard
        let scheme = scheme(
          member.value, member.key, format, besides: schemes.first, &report)
      else { return }
      index = schemes.count
      schemes.append(scheme)
    }
    exceptions.append(Exception(name: name, expression: expression, scheme: index))
  }

  private static func isQuantized(_ fields: JSONValue) -> Bool {
    if let count = fields["bits"]?.intValue, count >= 16 { return false }
    return !["float", "fp"].contains(fields["data_type"]?.stringValue)
  }

  private func scheme(
    _ fields: JSONValue, _ group: String, _ format: StoredFormat, besides usual: LayerScheme?,
    _ report: inout VerificationReport
  ) -> LayerScheme? {
    let bitCount = fields["bits"]?.intValue ?? usual?.bitCount
    let size = fields["group_size"]?.intValue ?? usual?.groupSize ?? (usual == nil ? 128 : -1)
    let type = fields["data_type"]?.stringValue ?? "int"
    let known = format.columns?.isInterleaved == true ? [4] : [2, 3, 4, 8]
    guard let bitCount, known.contains(bitCount), type == "int",
      size == -1 || (1...1 << 31).contains(size)
    else {
      report.add(
        .contract, group == "quantization_config" ? Self.place : "\(Self.place): \(quoted(group))",
        "does not say how its weights are stored, expected integers of "
          + known.map(String.init).joined(separator: ", ") + " bits in groups or rows",
        refusedBy: Runtime.allCases)
      return nil
    }
    var isSymmetric = fields["sym"]?.boolValue ?? usual?.isSymmetric
    if method == .awq, isSymmetric == nil { isSymmetric = fields["zero_point"]?.boolValue == false }
    return LayerScheme(
      group: group, targets: [], format: format, bitCount: bitCount, type: "int",
      strategy: size > 0 ? "group" : "channel", isSymmetric: isSymmetric ?? true,
      groupSize: size > 0 ? size : nil, block: [], inputs: nil)
  }

  /// Takes note of the quantized layers: loaders of GPTQ change the lists of blocks that these are in.
  mutating func observe(layers: some Sequence<String>) {
    guard method == .gptq else { return }
    blockLists = Set(layers.compactMap(Self.blockList)).sorted()
  }

  private static func blockList(of name: String) -> String? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard let number = parts.firstIndex(where: { Int($0) != nil }) else { return nil }
    return parts[..<number].joined(separator: ".")
  }

  /// Whether an exception says that a layer stays as it is.
  func ignores(_ module: String) -> Bool {
    exception(module).map { $0.scheme == nil } ?? false
  }

  /// The scheme that loaders find for a layer, or for several that run as one.
  ///
  /// - Parameter parts: The layers' own names if they are run as one.
  func scheme(of module: String, parts: [String] = []) -> LayerScheme? {
    // Only patterns of GPTQ are matched with the name that vLLM has for several; others are looked up by their own.
    let module = method == .gptq ? module : parts.first ?? module
    if let exception = exception(module) { return exception.scheme.map { schemes[$0] } }
    let isHead = module == "lm_head" || module.hasSuffix(".lm_head")
    if isHead, method != .awq { return isHeadQuantized ? schemes.first : nil }
    guard let blockLists else { return schemes.first }
    return blockLists.contains { module.hasPrefix($0 + ".") } ? schemes.first : nil
  }

  private func exception(_ module: String) -> Exception? {
    if method == .awq {
      // vLLM looks for the entry anywhere in a name.
      return exceptions.first { module.contains($0.name) }
    }
    let named =
      method == .autoRound ? exceptions.first { $0.expression == nil && $0.name == module } : nil
    return named
      ?? exceptions.first { exception in
        exception.expression.map { limit.matches($0, module) } ?? false
      }
  }
}

extension LayerScheme {
  /// Whether vLLM's fast kernels multiply symmetric integers of GPTQ like these.
  var fitsMarlin: Bool {
    isSymmetric && [4, 8].contains(bitCount) && hasFastGroups
  }

  /// Whether groups are those of vLLM's fast kernels.
  var hasFastGroups: Bool { groupSize.map([32, 64, 128].contains) ?? true }
}
